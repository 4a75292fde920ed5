package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"sojourn/internal/corpus"
	"sojourn/proxy/api"
)

// transactions are what a keeper is told, in the three parts of each: before a move, during
// it, and behind it. Pages of the database go to the disk within a transaction, for the
// cache holds ten; one in three is undone.
func transactions(n int) (all [][3][]string) {
	for i := range n {
		end := "commit"
		if i%3 == 2 {
			end = "rollback"
		}
		all = append(all, [3][]string{{
			"sql pragma cache_size = 10; create table if not exists t(k integer primary key, v text)",
			"sql begin",
			fmt.Sprintf("log %d: before", i),
			fmt.Sprintf("begin page%d first half of %d", i%4, i),
			fmt.Sprintf("spare %d", i),
			fmt.Sprintf("sql insert into t(v) with recursive c(x) as (select 1 union all select x+1 from c where x < 100) select printf('%%0*d', 200, x + %d) from c", i),
		}, {
			"sql insert into t(v) with recursive c(x) as (select 1 union all select x+1 from c where x < 400) select x*x from c",
			fmt.Sprintf("log %d: meanwhile", i),
			"sql delete from t where k % 7 = 3; update t set v = v || '!' where k % 5 = 0",
		}, {
			fmt.Sprintf("log %d: behind", i),
			fmt.Sprintf("end second half of %d", i),
			fmt.Sprintf("spare %d again", i),
			"sql select * from t where v like '%1%'",
			"sql " + end,
		}})
	}
	return all
}

// A guest writes a log, a database and files that it replaces by renaming, and one that has
// no name any more. It is moved among three nodes that share no disk, with a transaction
// open each time. Everything is as if it had never moved, byte for byte.
func TestFilesFollow(t *testing.T) {
	bin := buildFor(t, runtime.GOARCH)
	p := corpus.Keeper(t)
	work := transactions(20)
	var input []string
	for _, tx := range work {
		for _, part := range tx {
			input = append(input, part...)
		}
	}
	still := t.TempDir()
	c := exec.Command(bin, "run", "--dir", still+":/data:carried", p.Module, "/data")
	c.Stdin = strings.NewReader(strings.Join(input, "\n") + "\n")
	said, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}

	nodes := []*testNode{startNode(t, []string{bin}), startNode(t, []string{bin}, "--engine", "interpreter"), startNode(t, []string{bin}, "--durable")}
	module, err := os.ReadFile(p.Module)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	g, err := nodes[0].Run(ctx, module, api.Spec{Args: p.Args, Dirs: []string{":/data:carried"}, Session: api.One})
	if err != nil {
		t.Fatal(err)
	}
	s, err := nodes[0].Session(ctx, g.ID, api.Lines)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var heard bytes.Buffer
	send := func(lines []string) {
		t.Helper()
		for _, l := range lines {
			if err := s.Send([]byte(l)); err != nil {
				t.Fatal(err)
			}
		}
	}
	hear := func(n int) (last string) {
		t.Helper()
		for range n {
			b, err := s.Receive()
			if err != nil {
				t.Fatal(err)
			}
			last = string(b)
			heard.WriteString(last + "\n")
		}
		return last
	}
	var stopped time.Duration
	var sent int64
	at := 0
	for i, tx := range work {
		send(tx[0])
		if last := hear(len(tx[0])); !strings.Contains(last, "inside a transaction") {
			t.Fatalf("no transaction is open: %s", last)
		}
		send(tx[1]) // and it is at work while it is moved
		to := (at + 1 + i/4%2) % len(nodes)
		res, err := nodes[at].Migrate(ctx, g.ID, api.MigrateRequest{To: nodes[to].URL()}, nil)
		if err != nil {
			t.Fatalf("move %d: %v", i, err)
		}
		stopped, sent = max(stopped, time.Duration(res.DowntimeMS*float64(time.Millisecond))), sent+res.BytesSent
		at = to
		hear(len(tx[1]))
		send(tx[2])
		hear(len(tx[2]))
	}
	if err := s.CloseInput(); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, nodes[at], g.ID, 0)
	if heard.String() != string(said) {
		t.Errorf("its answers differ from those of the undisturbed run")
	}
	want, got := onDisk(t, still), inTar(t, nodes[at], g.ID)
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s: %d bytes, and %d undisturbed, which differ", name, len(got[name]), len(text))
		}
	}
	if len(got) != len(want) {
		t.Errorf("it left %d files, and %d undisturbed", len(got), len(want))
	}
	t.Logf("%d moves, %d files of %d bytes; stopped for %v at most, %d bytes sent in all", len(work), len(want), len(want["book.db"]), stopped, sent)
}

func onDisk(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, p))
		all[p] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// inTar returns what a guest that has ended left.
func inTar(t *testing.T, n *testNode, id string) map[string]string {
	t.Helper()
	var b bytes.Buffer
	for {
		b.Reset()
		err := n.Files(t.Context(), id, "/data", &b)
		var ae *api.Error
		if !errors.As(err, &ae) || ae.Code != api.CodeConflict { // it is still letting go of them
			if err != nil {
				t.Fatal(err)
			}
			break
		}
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
		if h.Typeflag != tar.TypeReg {
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[h.Name] = string(text)
	}
}
