package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sojourn/proxy/api"
)

const nodeKeys = "nodes/" // prefix of the keys of nodeRecords

// load reads what earlier processes knew.
func (o *Orchestrator) load() error {
	recs, err := o.reg.List(o.ctx, nodeKeys)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		var nr nodeRecord
		if err := json.Unmarshal(rec.Value, &nr); err != nil {
			return fmt.Errorf("registry: record %s: %w", rec.Key, err)
		}
		o.nodes.stored(strings.TrimPrefix(rec.Key, nodeKeys), nr, rec.Revision)
	}
	return nil
}

// save changes a node's record by compare-and-swap, as often as it takes. The
// change is made again on each newer record; its error ends the attempt.
func (o *Orchestrator) save(ctx context.Context, name string, change func(*nodeRecord) error) error {
	for {
		rec, err := o.reg.Get(ctx, nodeKeys+name)
		if err != nil && !errors.Is(err, ErrNoRecord) {
			return err
		}
		var nr nodeRecord
		if err == nil {
			if err := json.Unmarshal(rec.Value, &nr); err != nil {
				return fmt.Errorf("registry: record %s: %w", rec.Key, err)
			}
		}
		if err := change(&nr); err != nil {
			return err
		}
		b, err := json.Marshal(nr)
		if err != nil {
			return err
		}
		rev, err := o.reg.Put(ctx, nodeKeys+name, b, rec.Revision)
		if err == nil {
			o.nodes.stored(name, nr, rev)
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// saveReport keeps a report beyond this process.
func (o *Orchestrator) saveReport(n api.Node) error {
	return o.save(o.ctx, n.Name, func(nr *nodeRecord) error {
		nr.Node, nr.Seen = n, time.Now().UTC()
		return nil
	})
}

// setCordon keeps whether a node may be given guests. guard is asked before
// each write.
func (o *Orchestrator) setCordon(ctx context.Context, n NodeStatus, on bool, guard func() error) error {
	return o.save(ctx, n.Name, func(nr *nodeRecord) error {
		if nr.Node.Name == "" {
			nr.Node, nr.Seen = n.Node, n.LastSeen
		}
		nr.Cordoned = on
		return guard()
	})
}

// differs says whether a report is worth a write: not for how much memory is
// free just now.
func differs(a, b api.Node) bool {
	if a.URL != b.URL || a.Version != b.Version || a.Protocol != b.Protocol || a.Engine != b.Engine {
		return true
	}
	return !slices.EqualFunc(a.Guests, b.Guests, func(a, b api.Guest) bool {
		return a.ID == b.ID && a.State == b.State && a.Epoch == b.Epoch
	})
}
