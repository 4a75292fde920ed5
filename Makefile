# The everyday targets. "make check" is what a change must pass; see CONTRIBUTING.md.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 10s

build:
	CGO_ENABLED=0 go build -trimpath -o bin/sojourn ./cmd/sojourn

check:
	.ci/run

test:
	go test ./...

lint:
	test -z "$$(gofmt -l $$(git ls-files '*.go'))"
	go vet ./...
	go run $(STATICCHECK) ./...

# fuzz runs each fuzz target of one package: make fuzz PKG=./snapshotfmt FUZZTIME=1m
PKG ?= ./interp/wasm
fuzz:
	@for f in $$(go test -list '^Fuzz' $(PKG) | grep '^Fuzz'); do \
		go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $(PKG) || exit 1; \
	done

# guests builds examples/guests/bin again after a guest's source changed.
guests:
	$(MAKE) -C examples/guests

.PHONY: build check test lint fuzz guests
