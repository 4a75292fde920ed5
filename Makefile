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

# figures measures all tables of docs/BENCHMARKS.md that a command writes. Let the machine do nothing else.
figures: build
	go run ./bench -doc docs/BENCHMARKS.md
	go run ./bench/peers -doc docs/BENCHMARKS.md
	bin/sojourn bench checkpoint --runs 11 --doc docs/BENCHMARKS.md
	bin/sojourn bench move --doc docs/BENCHMARKS.md
	GOOS=wasip1 GOARCH=wasm go build -o bin/talk.wasm ./examples/talk
	bin/sojourn bench sessions --clients 200 --for 5m --doc docs/BENCHMARKS.md --plot docs/sessions.svg bin/talk.wasm

# guests builds examples/guests/bin again after a guest's source changed.
guests:
	$(MAKE) -C examples/guests

.PHONY: build check test lint fuzz figures guests
