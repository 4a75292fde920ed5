package guests

import (
	"fmt"
	"strings"
)

const (
	mixStart = 0xcbf29ce484222325
	mixPrime = 0x100000001b3

	kvDepth = 10      // of echo-kv's work tree when it has no argument
	kvWords = 1 << 19 // of its work table
	kvSteps = 16      // words that a leaf changes
)

// A Ledger says what echo-kv must answer to each request. It keeps the server's state in its own
// way, so an answer that matches proves that the server saw exactly the requests passed to Answer,
// in that order, and computed on the memory that they left. The store's limit of keys and lengths
// is not modelled: a client of a Ledger uses few and short ones.
type Ledger struct {
	depth int
	table []uint64
	store map[string]string
	sum   uint64
	count uint64
}

// NewLedger returns the ledger of a server that was just started with its default work.
func NewLedger() *Ledger { return NewLedgerDepth(kvDepth) }

// NewLedgerDepth returns the ledger of a server that was just started with a work tree of depth.
func NewLedgerDepth(depth int) *Ledger {
	l := &Ledger{depth: depth, table: make([]uint64, kvWords), store: map[string]string{}, sum: mixStart}
	seed := uint64(1)
	for i := range l.table {
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		l.table[i] = seed
	}
	return l
}

// Answer returns the server's answer to request, both without their line ends.
func (l *Ledger) Answer(request string) string {
	for _, c := range []byte(request + "\n") {
		l.sum = mix(l.sum, uint64(c))
	}
	l.count++
	number, payload, _ := strings.Cut(request, " ")
	work := l.work(l.depth, l.sum)
	return fmt.Sprintf("%s %016x %d %016x %s", number, l.sum, l.count, work, l.reply(payload))
}

func (l *Ledger) reply(payload string) string {
	if key, ok := strings.CutPrefix(payload, "get "); ok {
		if value, ok := l.store[key]; ok {
			return value
		}
		return "-"
	}
	if rest, ok := strings.CutPrefix(payload, "set "); ok {
		if key, value, ok := strings.Cut(rest, " "); ok {
			l.store[key] = value
			return "ok"
		}
	}
	return payload
}

func (l *Ledger) work(depth int, x uint64) uint64 {
	if depth > 0 {
		left := l.work(depth-1, mix(x, uint64(2*depth)))
		return mix(left, l.work(depth-1, mix(left, uint64(2*depth+1))))
	}
	for range kvSteps {
		word := &l.table[x>>45]
		*word += x
		x = mix(x, *word)
	}
	return x
}

func mix(h, v uint64) uint64 { return (h ^ v) * mixPrime }

// Request returns the n-th request of a stream that uses all of echo-kv: it sets, reads back and
// reads keys that are not there, and sends plain text. It has no line end.
func Request(n uint64) string {
	switch key := n / 4 % 512; n % 4 {
	case 0:
		return fmt.Sprintf("%d set key%d value of request %d", n, key, n)
	case 1:
		return fmt.Sprintf("%d get key%d", n, key)
	case 2:
		return fmt.Sprintf("%d get key%d", n, key+1)
	default:
		return fmt.Sprintf("%d this is line %d of the stream", n, n)
	}
}
