package proxy

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sojourn/internal/corpus"
	"sojourn/proxy/api"
)

// keeping is a keeper that is talked to.
type keeping struct {
	id string
	s  *api.Session
}

func startKeeper(t *testing.T, c *api.Client, dirs ...string) *keeping {
	t.Helper()
	p := corpus.Keeper(t)
	module, err := os.ReadFile(p.Module)
	if err != nil {
		t.Fatal(err)
	}
	g, err := c.Run(t.Context(), module, api.Spec{Args: p.Args, Dirs: dirs, Session: api.One})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Session(t.Context(), g.ID, api.Lines)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &keeping{id: g.ID, s: s}
}

// say sends a command and checks its answer.
func (k *keeping) say(t *testing.T, want, format string, args ...any) {
	t.Helper()
	line := fmt.Sprintf(format, args...)
	if err := k.s.Send([]byte(line)); err != nil {
		t.Fatal(err)
	}
	got, err := k.s.Receive()
	if err != nil || string(got) != want {
		t.Fatalf("%s: %q, %v; want %q", line, got, err, want)
	}
}

// files reads what the guest's folder holds when it has ended.
func files(t *testing.T, c *api.Client, id string) map[string]string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Files(t.Context(), id, "", &b); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[h.Name] = string(text)
	}
}

// filled returns a folder that holds something, and what.
func filled(t *testing.T) (dir string, holds map[string]string) {
	t.Helper()
	dir = t.TempDir()
	holds = map[string]string{"./": "", "a/": "", "a/b": strings.Repeat("something ", 20000), "c": "more"}
	for name, text := range holds {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "/") {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir, holds
}

// end ends the guest, and waits until that is known.
func (k *keeping) end(t *testing.T, c *api.Client) {
	t.Helper()
	if err := k.s.CloseInput(); err != nil {
		t.Fatal(err)
	}
	for ctx := testContext(t); ; {
		g, err := c.Show(ctx, k.id)
		if err != nil {
			t.Fatal(err)
		}
		if g.ExitCode != nil {
			if *g.ExitCode != 0 {
				t.Errorf("it ended with %+v", g)
			}
			break
		}
	}
	awaitFiles(testContext(t), c, k.id)
}

// awaitFiles waits until a guest that has ended has let go of its files.
func awaitFiles(ctx context.Context, c *api.Client, id string) {
	for {
		err := c.Files(ctx, id, "", io.Discard)
		var ae *api.Error
		if !errors.As(err, &ae) || ae.Code != api.CodeConflict {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// noHomes waits until a node has no guest's folders, which it clears away behind a guest.
func noHomes(t *testing.T, n *Node) {
	t.Helper()
	for ctx := testContext(t); len(homesOf(t, n)) > 0; time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("%s has %v still", n.cfg.Name, homesOf(t, n))
		}
	}
}

func homesOf(t *testing.T, n *Node) []string {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(n.cfg.Dir, "carried"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range list {
		names = append(names, d.Name())
	}
	return names
}

// A guest's folder goes with it to nodes that may be given no folder at all. Once it is
// there the source has none, and what a node has had is not sent to it again.
func TestCarriedFolder(t *testing.T) {
	ctx := testContext(t)
	src := t.TempDir()
	big := bytes.Repeat([]byte("something to carry, "), 1<<18)
	for i := range big[:1<<20] {
		big[i] = byte(i * i >> 7)
	}
	if err := os.WriteFile(filepath.Join(src, "big"), big, 0o644); err != nil {
		t.Fatal(err)
	}
	a, ca := startNode(t, Config{Name: "a", AllowDirs: []string{src}})
	b, cb := startNode(t, Config{Name: "b"})
	k := startKeeper(t, ca, src+":/data:carried")
	k.say(t, "0 rows, outside a transaction", "sql create table t(x)")
	k.say(t, "0 rows, inside a transaction", "sql begin; insert into t values (1)")
	k.say(t, "done", "begin file one")
	k.say(t, "6 bytes", "spare first")
	var sent []int64
	move := func(from *api.Client, to *Node) {
		t.Helper()
		res, err := from.Migrate(ctx, k.id, api.MigrateRequest{To: to.URL()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, res.BytesSent)
		t.Logf("%d bytes sent; stopped for %.1f ms", res.BytesSent, res.DowntimeMS)
	}
	move(ca, b)
	k.say(t, "done", "log at b")
	k.say(t, "0 rows, inside a transaction", "sql insert into t values (2)")
	move(cb, a)
	k.say(t, "done", "end two")
	k.say(t, "13 bytes", "spare second")
	k.say(t, "0 rows, outside a transaction", "sql commit")
	move(ca, b)
	k.say(t, "2 rows, outside a transaction", "sql select * from t")
	if sent[1]*2 > sent[0] || sent[2]*2 > sent[0] {
		t.Errorf("%v bytes were sent by the three moves: what was there is sent again", sent)
	}
	noHomes(t, a)
	k.end(t, cb)
	got := files(t, cb, k.id)
	if got["big"] != string(big) || got["log.txt"] != "at b\n" || got["file"] != "one\ntwo\n" || len(got["book.db"]) == 0 || len(got) != 5 {
		t.Errorf("it left %d files, and a log of %q", len(got), got["log.txt"])
	}
	if orig, err := os.ReadDir(src); err != nil || len(orig) != 1 {
		t.Errorf("the host's own folder has %v, %v", orig, err)
	}
	if err := cb.Forget(ctx, k.id); err != nil {
		t.Fatal(err)
	}
	noHomes(t, b)
	_, err := cb.Show(ctx, k.id)
	wantCode(t, err, api.CodeNotFound)
}

// A folder by digest travels once, and is shared by the guests of a node.
func TestFolderByDigest(t *testing.T) {
	ctx := testContext(t)
	src := t.TempDir()
	if err := os.WriteFile(filepath.Join(src, "book.db"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	a, ca := startNode(t, Config{Name: "a", AllowDirs: []string{src}})
	b, cb := startNode(t, Config{Name: "b"})
	_ = a
	first := startKeeper(t, ca, ":/data:carried", src+":/lib:digest")
	second := startKeeper(t, ca, ":/data:carried", src+":/lib:digest")
	for _, k := range []*keeping{first, second} {
		if _, err := ca.Migrate(ctx, k.id, api.MigrateRequest{To: b.URL()}, nil); err != nil {
			t.Fatal(err)
		}
		k.say(t, "done", "log here")
	}
	g, err := cb.Show(ctx, first.id)
	if err != nil || len(g.Dirs) != 2 || !strings.HasPrefix(g.Dirs[1], "sha256-") || g.Dirs[0] != ":/data:carried" {
		t.Fatalf("%+v, %v", g, err)
	}
	third := startKeeper(t, cb, ":/data:carried", g.Dirs[1])
	third.say(t, "done", "log of the digest alone")
	_, err = cb.Run(ctx, module(t, "sleep"), api.Spec{Args: []string{"sleep"}, Dirs: []string{"sha256-" + strings.Repeat("0", 64) + ":/lib:digest"}})
	wantCode(t, err, api.CodeNotFound)
}

// What a node may not have, or cannot hold, is refused, and the guest stays as it was.
func TestFoldersRefused(t *testing.T) {
	ctx := testContext(t)
	src := t.TempDir()
	if err := os.WriteFile(filepath.Join(src, "f"), make([]byte, 3<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	_, ca := startNode(t, Config{Name: "a", AllowDirs: []string{src}})
	small, _ := startNode(t, Config{Name: "small", MaxFiles: 1 << 20, AllowDirs: []string{src}})
	_, err := ca.Run(ctx, module(t, "sleep"), api.Spec{Dirs: []string{"/etc:/x:carried"}})
	wantCode(t, err, api.CodeNotAllowed)
	k := startKeeper(t, ca, src+":/data:carried")
	_, err = ca.Migrate(ctx, k.id, api.MigrateRequest{To: small.URL()}, nil)
	wantCode(t, err, api.CodeMigrationFault)
	if err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("the reason is missing: %v", err)
	}
	k.say(t, "done", "log here still")
	noHomes(t, small)
}

// A shared folder at the same path is not the same folder.
func TestSharedFolderIsChecked(t *testing.T) {
	here, there := t.TempDir(), t.TempDir()
	one, err := storage(here)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := storage(here); err != nil || again != one {
		t.Errorf("a folder is %q, and then %q: %v", one, again, err)
	}
	if other, err := storage(there); err != nil || other == one {
		t.Errorf("two folders are both %q: %v", other, err)
	}
	ctx := testContext(t)
	_, ca := startNode(t, Config{Name: "a", AllowDirs: []string{here}})
	b, _ := startNode(t, Config{Name: "b", AllowDirs: []string{here}})
	k := startKeeper(t, ca, here+":/data")
	k.say(t, "done", "log one")
	if _, err := ca.Migrate(ctx, k.id, api.MigrateRequest{To: b.URL()}, nil); err != nil {
		t.Fatal(err)
	}
	k.say(t, "done", "log two")
	if log, err := os.ReadFile(filepath.Join(here, "log.txt")); err != nil || string(log) != "one\ntwo\n" {
		t.Errorf("the log is %q, %v", log, err)
	}
}

// A snapshot file holds the folders: the guest that goes on from it elsewhere has them as
// they were, and the one that ran on has its own.
func TestSnapshotHoldsFolders(t *testing.T) {
	ctx := testContext(t)
	src, holds := filled(t)
	_, ca := startNode(t, Config{Name: "a", AllowDirs: []string{src}})
	b, cb := startNode(t, Config{Name: "b"})
	k := startKeeper(t, ca, src+":/data:carried")
	k.say(t, "done", "log before")
	var file bytes.Buffer
	if err := ca.Snapshot(ctx, k.id, &file); err != nil {
		t.Fatal(err)
	}
	k.say(t, "done", "log behind")
	p := corpus.Keeper(t)
	module, err := os.ReadFile(p.Module)
	if err != nil {
		t.Fatal(err)
	}
	if err := cb.PutModule(ctx, module); err != nil {
		t.Fatal(err)
	}
	snap := file.Bytes()
	for _, dirs := range [][]string{nil, {src + ":/data:carried"}, {":/data:carried", ":/more:carried"}} {
		if _, err := cb.Restore(ctx, bytes.NewReader(snap), api.Spec{Args: p.Args, Dirs: dirs, Session: api.One}); err == nil {
			t.Errorf("restored with the folders %q", dirs)
		}
	}
	noHomes(t, b)
	g, err := cb.Restore(ctx, bytes.NewReader(snap), api.Spec{Args: p.Args, Dirs: []string{":/data:carried"}, Session: api.One})
	if err != nil {
		t.Fatal(err)
	}
	s, err := cb.Session(ctx, g.ID, api.Lines)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	k.end(t, ca)
	second := &keeping{id: g.ID, s: s}
	second.end(t, cb)
	for c, log := range map[*keeping]string{k: "before\nbehind\n", second: "before\n"} {
		at := ca
		if c == second {
			at = cb
		}
		got := files(t, at, c.id)
		if got["log.txt"] != log || got["a/b"] != holds["a/b"] || got["c"] != holds["c"] {
			t.Errorf("a guest left the log %q, want %q", got["log.txt"], log)
		}
	}
}
