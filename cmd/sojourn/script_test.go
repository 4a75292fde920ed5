package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

func TestMain(m *testing.M) { testscript.Main(own{m}, map[string]func(){"sojourn": main}) }

// own runs the tests with a cache folder of their own, but with the builds that there are:
// Go would keep them in that folder too.
type own struct{ *testing.M }

func (o own) Run() int {
	dir, err := os.MkdirTemp("", "sojourn-test-*")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	builds, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		panic(err)
	}
	if err := errors.Join(os.Setenv("GOCACHE", strings.TrimSpace(string(builds))), os.Setenv("XDG_CACHE_HOME", dir)); err != nil {
		panic(err)
	}
	return o.M.Run()
}

// TestScripts runs the command as a person does. $GUESTS is examples/guests/bin, and
// $DATA is testdata.
func TestScripts(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GUESTS", filepath.Join(here, "../../examples/guests/bin"))
			env.Setenv("DATA", filepath.Join(here, "testdata"))
			env.Setenv("GOARCH", runtime.GOARCH)
			env.Setenv("XDG_CACHE_HOME", os.Getenv("XDG_CACHE_HOME"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"interrupt": func(ts *testscript.TestScript, neg bool, args []string) {
				interrupt(ts, neg, args, func(int) {})
			},
			"interrupt-asleep": func(ts *testscript.TestScript, neg bool, args []string) {
				interrupt(ts, neg, args, settle)
			},
			"code": code,
		},
	})
}

// settle returns when every thread of a process has been asleep for a while: it waits for
// input, however busy the machine is. Where threads cannot be looked at it waits a moment.
func settle(pid int) {
	for calm := 0; calm < 5; calm++ {
		time.Sleep(10 * time.Millisecond)
		stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		for _, name := range stats {
			b, _ := os.ReadFile(name)
			if i := bytes.LastIndexByte(b, ')'); i >= 0 && i+2 < len(b) && b[i+2] != 'S' {
				calm = -1
			}
		}
	}
}

// interrupt SIGNAL command... runs a command whose input stays open, and sends it a
// signal when it has printed a line. Its output and errors become files of that name;
// with "!" it must fail. interrupt-asleep sends it once the command waits for input.
func interrupt(ts *testscript.TestScript, neg bool, args []string, first func(pid int)) {
	if len(args) < 2 {
		ts.Fatalf("usage: interrupt SIGNAL command...")
	}
	sig := map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": os.Interrupt}[args[0]]
	path, err := exec.LookPath(args[1])
	if err != nil {
		path = filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], args[1])
	}
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir, cmd.Env = ts.Getenv("WORK"), append(os.Environ(), "PATH="+ts.Getenv("PATH"))
	errs, err := os.Create(ts.MkAbs("stderr.txt"))
	ts.Check(err)
	defer errs.Close()
	cmd.Stderr = errs
	in, err := cmd.StdinPipe()
	ts.Check(err)
	defer in.Close()
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	limit := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer limit.Stop()
	line, err := bufio.NewReader(out).ReadString('\n')
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("stdout.txt"), []byte(line), 0o666))
	first(cmd.Process.Pid)
	ts.Check(cmd.Process.Signal(sig))
	if err := cmd.Wait(); (err != nil) != neg {
		ts.Fatalf("%v: %v", args, err)
	}
}

// code N command... runs a command that must exit with N.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command...")
	}
	want := args[0]
	if err := ts.Exec(args[1], args[2:]...); err == nil {
		if want != "0" {
			ts.Fatalf("exit code 0, want %s", want)
		}
	} else if got := "exit status " + want; err.Error() != got {
		ts.Fatalf("%v, want %s", err, got)
	}
}
