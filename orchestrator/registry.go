package orchestrator

import (
	"context"
	"errors"
)

// Registry keeps small records that outlive the orchestrator, each under a key
// of the characters a-z, A-Z, 0-9, '.', '_', '-' and '/'. A read may be old by
// the time it is used: decide only by Put.
type Registry interface {
	// Get returns ErrNoRecord when there is none.
	Get(ctx context.Context, key string) (Record, error)

	// Put stores value if the record is at revision (0: there is none), and
	// returns the new revision; otherwise ErrConflict, and nothing changed.
	// On any other error the write may have happened: Get tells.
	Put(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)

	// List returns the records whose key begins with prefix, by key.
	List(ctx context.Context, prefix string) ([]Record, error)
}

// Record is a value as it was at a revision.
type Record struct {
	Key      string
	Revision uint64 // from 1, rising with each Put
	Value    []byte // JSON
}

var (
	// ErrNoRecord is returned by Get for a key that was never put.
	ErrNoRecord = errors.New("no such record")
	// ErrConflict is returned by Put when somebody else put first.
	ErrConflict = errors.New("the record is at another revision")
)
