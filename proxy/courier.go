package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"sojourn/engine/carry"
	"sojourn/proxy/wire"
)

// courier brings a guest's folders to a target: once those that never change and that the
// target lacks, and again and again, only what changed, those that the guest carries.
type courier struct {
	home  *home
	ch    *channel
	dir   *carry.Folder
	max   int64
	sent  uint32   // number of the last frame that is acknowledged
	sum   [32]byte // of the tree that the target has
	last  int64    // bytes of the chunks that the last round had to send
	tell  func()   // of progress
	whole bool     // and all chunks of it
}

// newCourier returns nil when the guest has no folders that go with it.
func newCourier(h *home, ch *channel, max int64, tell func()) (*courier, error) {
	if h == nil {
		return nil, nil
	}
	c := &courier{home: h, ch: ch, max: max, tell: tell}
	var err error
	if len(h.carried) > 0 {
		c.dir, err = carry.Open(filepath.Join(h.dir, carry.FilesName))
	}
	return c, err
}

func (c *courier) close() {
	if c != nil && c.dir != nil {
		_ = c.dir.Close()
		c.dir = nil
	}
}

// fixed sends the folders that never change, if the target lacks them.
func (c *courier) fixed(ctx context.Context, lacks func(i int) bool) error {
	if c == nil {
		return nil
	}
	for i, digest := range c.home.fixed {
		if !lacks(i) {
			continue
		}
		if err := c.fixedFolder(ctx, i, digest); err != nil {
			return fmt.Errorf("folder sha256-%s: %w", digest, err)
		}
	}
	return nil
}

func (c *courier) fixedFolder(ctx context.Context, i int, digest string) error {
	t := c.home.n.folders.Tree(digest)
	if t == nil {
		return errors.New("it is not in the store any more")
	}
	dir, err := carry.Open(c.home.n.folders.Path(digest))
	if err != nil {
		return err
	}
	defer dir.Close()
	if _, err := dir.Scan(c.max); err != nil { // where its chunks are
		return err
	}
	sum, err := c.send(ctx, byte(i+1), dir, t)
	if err == nil && hex.EncodeToString(sum[:]) != digest {
		err = errors.New("it is not what it was in the store")
	}
	return err
}

// round sends what changed of the carried folders since the last one. While the guest
// runs, what it writes meanwhile is left to the next round.
func (c *courier) round(ctx context.Context) error {
	if c == nil || c.dir == nil {
		return nil
	}
	t, err := c.dir.Scan(c.max)
	if err != nil {
		return fmt.Errorf("the guest's folders: %w", err)
	}
	c.last = 0
	sum, err := t.Digest()
	if err != nil || sum == c.sum && c.whole {
		return err
	}
	c.sum, err = c.send(ctx, 0, c.dir, t)
	c.home.tree = t
	return err
}

// lately is what the last round had to send, which is also what the guest is taken to
// write until the next one.
func (c *courier) lately() int64 {
	if c == nil {
		return 0
	}
	return c.last
}

// send has the target build t, a tree of the last Scan of dir.
func (c *courier) send(ctx context.Context, which byte, dir *carry.Folder, t *carry.Tree) (sum [32]byte, err error) {
	b, err := t.Encode()
	if err != nil {
		return sum, err
	}
	if err := c.sendTree(which, b); err != nil {
		return sum, err
	}
	answer, err := c.ch.await(ctx, compileLimit, wire.Want) // it may have much of it on its disk
	if err != nil {
		return sum, err
	}
	want, err := carry.ParseWant(answer, t)
	if err != nil {
		return sum, err
	}
	c.whole, c.last = true, int64(len(want))*carry.ChunkSize
	for len(want) > 0 {
		batch, rest, whole, err := dir.AppendBatch(nil, want)
		if err != nil {
			return sum, err
		}
		c.whole = c.whole && whole
		if c.sent, err = c.ch.sendData(ctx, wire.Chunks, batch, c.sent); err != nil {
			return sum, err
		}
		want = rest
		c.tell()
	}
	return sha256.Sum256(b), c.ch.settle(ctx, c.sent)
}

// sendTree sends an encoded tree in pieces.
func (c *courier) sendTree(which byte, b []byte) error {
	for {
		n := min(len(b), wire.MaxData-2)
		last := boolByte(n == len(b))
		if _, err := c.ch.Send(wire.Tree, append([]byte{which, last}, b[:n]...)); err != nil || last == 1 {
			return err
		}
		b = b[n:]
	}
}
