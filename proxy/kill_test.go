package proxy

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"sojourn/proxy/api"
)

// The environment of this test binary when it is to be a node and no test.
const (
	nodeDir     = "SOJOURN_TEST_NODE_DIR"
	nodeListen  = "SOJOURN_TEST_NODE_LISTEN"
	nodeDurable = "SOJOURN_TEST_NODE_DURABLE"
	nodeAllow   = "SOJOURN_TEST_NODE_ALLOW"
	nodeToken   = "SOJOURN_TEST_NODE_TOKEN"
)

func nodeProcess() {
	var allow []string
	if dir := os.Getenv(nodeAllow); dir != "" {
		allow = []string{dir}
	}
	n, err := New(Config{AllowDirs: allow, Dir: os.Getenv(nodeDir), Listen: os.Getenv(nodeListen), Engine: "interpreter",
		Durable: os.Getenv(nodeDurable) == "1", Token: os.Getenv(nodeToken), AllowListen: []string{"127.0.0.1:0"}, AskEvery: 20 * time.Millisecond})
	if err == nil {
		var ln net.Listener
		if ln, err = n.Listen(); err == nil {
			err = n.Serve(ln)
		}
	}
	fmt.Fprintln(os.Stderr, "node:", err)
	os.Exit(1)
}

// process is a node that can be killed and started again.
type process struct {
	*api.Client
	dir, listen string
	durable     bool
	allow       string // a folder that guests may be given
	cmd         *exec.Cmd
}

func newProcess(t *testing.T, durable bool, allow string) *process {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := ln.Addr().String()
	ln.Close()
	c, err := api.NewClient("http://"+listen, api.Options{Token: os.Getenv(nodeToken)})
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Client: c, dir: t.TempDir(), listen: listen, durable: durable, allow: allow}
	t.Cleanup(func() { p.kill(); c.Close() })
	p.start(t)
	return p
}

func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), nodeDir+"="+p.dir, nodeListen+"="+p.listen, nodeAllow+"="+p.allow)
	if p.durable {
		p.cmd.Env = append(p.cmd.Env, nodeDurable+"=1")
	}
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if _, err := p.Node(t.Context()); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("node at %s does not start", p.listen)
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// TestKillAtEachFrame kills the source's process, or the target's, after each
// number of frames, and starts it again: then exactly one node runs the guest.
// With images nobody's death costs anything. Without them the target's costs
// nothing until it has thawed the guest.
func TestKillAtEachFrame(t *testing.T) {
	for _, c := range []struct {
		name    string
		source  bool
		durable bool
	}{{"source", true, true}, {"target", false, true}, {"target without images", false, false}} {
		t.Run(c.name, func(t *testing.T) {
			reached := 0
			for frames := 0; frames < 40; frames++ {
				if !killOnce(t, frames, c.source, c.durable) {
					break
				}
				reached++
			}
			t.Logf("killed at %d places", reached)
			if reached < 10 {
				t.Errorf("killed at %d places only", reached)
			}
		})
	}
}

// killOnce reports whether the migration had as many frames.
func killOnce(t *testing.T, frames int, source, durable bool) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	src, holds := filled(t)
	a, b := newProcess(t, durable, src), newProcess(t, durable, "")
	defer a.kill()
	defer b.kill()
	victim := b
	if source {
		victim = a
	}
	cut := newCutter(t, b.listen)
	cut.do = victim.kill
	g, err := a.Run(ctx, module(t, "sleep"), api.Spec{Args: []string{"sleep", "1000000", "5"}, Dirs: []string{src + ":/data:carried"}})
	if err != nil {
		t.Fatal(err)
	}
	cut.after(frames)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = a.Migrate(ctx, g.ID, api.MigrateRequest{To: cut.url()}, nil)
	}()
	for !cut.wasCut() {
		select {
		case <-ended:
			if !cut.wasCut() {
				checkHolds(ctx, t, settleOn(ctx, t, g.ID, a.Client, b.Client), g.ID, holds)
				return false
			}
		case <-time.After(time.Millisecond):
		}
	}
	victim.start(t)
	<-ended
	if gb, err := b.Show(ctx, g.ID); err == nil && gb.State == api.StateLost && !durable && !source {
		t.Logf("killed after %d frames: it ran at the target, which kept no image", frames)
		if got := files(t, b.Client, g.ID); !maps.Equal(got, holds) {
			t.Errorf("of its folder %d of %d names are left", len(got), len(holds))
		}
		return true
	}
	at := settleOn(ctx, t, g.ID, a.Client, b.Client)
	ga, _ := a.Show(ctx, g.ID)
	gb, _ := b.Show(ctx, g.ID)
	t.Logf("killed after %d frames: source %s at epoch %d, target %s at epoch %d", frames, ga.State, ga.Epoch, gb.State, gb.Epoch)
	checkHolds(ctx, t, at, g.ID, holds)
	return true
}

// checkHolds ends a guest and checks that its folder has gone with it, whole.
func checkHolds(ctx context.Context, t *testing.T, at *api.Client, id string, holds map[string]string) {
	t.Helper()
	if _, err := at.Stop(ctx, id); err != nil {
		t.Fatal(err)
	}
	awaitFiles(ctx, at, id)
	if got := files(t, at, id); !maps.Equal(got, holds) {
		t.Errorf("of its folder %d of %d names are left", len(got), len(holds))
	}
}

// A guest whose process dies goes on from its image in the middle of a transaction, with the
// files that belong to it: what it wrote later is gone, as what it did later is.
func TestImageHasFolders(t *testing.T) {
	ctx := testContext(t)
	a, b := newProcess(t, true, ""), newProcess(t, true, "")
	k := startKeeper(t, a.Client, ":/data:carried")
	k.say(t, "0 rows, inside a transaction", "sql pragma cache_size=1; create table t(x); insert into t values (zeroblob(200000)); begin; update t set x = 1")
	k.say(t, "done", "log within")
	k.say(t, "done", "begin page first")
	if _, err := a.Migrate(ctx, k.id, api.MigrateRequest{To: b.URL()}, nil); err != nil {
		t.Fatal(err)
	}
	k.say(t, "0 rows, outside a transaction", "sql insert into t values (2); commit")
	k.say(t, "done", "log later")
	k.say(t, "done", "end second")
	k.s.Close()
	b.kill()
	b.start(t)
	settleOn(ctx, t, k.id, a.Client, b.Client)
	s, err := b.Session(ctx, k.id, api.Lines)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	again := &keeping{id: k.id, s: s}
	again.say(t, "2 rows, inside a transaction", "sql insert into t values (3); select * from t")
	again.say(t, "0 rows, outside a transaction", "sql rollback")
	again.say(t, "done", "end another")
	again.say(t, "1 rows, outside a transaction", "sql pragma integrity_check; select x from t where length(x) < 200000")
	again.end(t, b.Client)
	got := files(t, b.Client, k.id)
	if got["log.txt"] != "within\n" || got["page"] != "first\nanother\n" || len(got["book.db"]) < 200000 {
		t.Errorf("it left a log of %q, and a page of %q", got["log.txt"], got["page"])
	}
}
