module sojourn/examples/postgres

go 1.26.0

require (
	github.com/lib/pq v1.12.3
	github.com/stealthrocket/net v0.2.1
)
