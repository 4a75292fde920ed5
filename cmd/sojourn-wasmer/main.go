// Command sojourn-wasmer runs idiomatic guests, those that make checkpoints by themselves
// (package compat), on Wasmer's JIT, which cannot be stopped from outside:
//
//	sojourn-wasmer run [--checkpoint FILE] app.wasm [args...]
//	sojourn-wasmer restore [--checkpoint FILE] FILE
//	sojourn-wasmer node [--listen 127.0.0.1:7080] [--orchestrator URL]
//	sojourn-wasmer bench [--runs N] [--output FILE] app.wasm [args...]
//
// A snapshot that it writes 'sojourn restore' and a sojourn node continue, and back.
//
// Each guest has a process of its own, so that one can be ended at any moment, and none
// takes the node with it. The binding to Wasmer needs cgo, on linux/amd64 or macOS; built
// without, the command says so and ends with 1.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"sojourn/compat"
	"sojourn/snapshotfmt"
)

// errUnavailable is what everything that needs Wasmer returns where it is not built in.
var errUnavailable = fmt.Errorf("built without Wasmer: its Go binding needs cgo on linux/amd64, darwin/amd64 or darwin/arm64, and this is %s/%s; build with CGO_ENABLED=1 and a C compiler there, or run the guest with 'sojourn run'", runtime.GOOS, runtime.GOARCH)

const usage = "usage: sojourn-wasmer run|restore|node|bench [flags] [module or snapshot] [args...]; the package's comment has an example of each"

func main() {
	err := command(os.Args[1:])
	var ended *ended
	switch {
	case errors.As(err, &ended) && ended.Err == "":
		os.Exit(int(ended.Exit))
	case err != nil:
		fmt.Fprintln(os.Stderr, "sojourn-wasmer:", err)
		os.Exit(1)
	}
}

func command(args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	file := f.String("checkpoint", "", "write the last checkpoint into `FILE` on SIGTERM or SIGINT, and end")
	var c nodeConfig
	host, _ := os.Hostname()
	f.StringVar(&c.name, "name", host, "what people call the node")
	f.StringVar(&c.listen, "listen", "127.0.0.1:7080", "`address` of the node")
	f.StringVar(&c.state, "state", "", "`folder` for the node's records; one of the user's by default")
	f.StringVar(&c.orchestrator, "orchestrator", "", "`URL` of the orchestrator to report to")
	f.StringVar(&c.token, "token", os.Getenv("SOJOURN_TOKEN"), "asked of callers and shown to other nodes; $SOJOURN_TOKEN")
	runs := f.Int("runs", 1000, "repetitions of bench")
	output := f.String("output", os.DevNull, "what the guest of bench prints goes into `FILE`")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	need := map[string]int{"run": 1, "restore": 1, "bench": 1}[args[0]]
	if f.NArg() < need {
		return errors.New(usage)
	}
	switch args[0] {
	case childCommand:
		return child()
	case "node":
		return serve(c)
	}
	if !available {
		return errUnavailable
	}
	switch args[0] {
	case "run":
		module, err := os.ReadFile(f.Arg(0))
		if err != nil {
			return err
		}
		return runHere(start{Module: module, Args: f.Args(), Env: nil}, *file)
	case "restore":
		s, err := readSnapshot(f.Arg(0))
		if err != nil {
			return err
		}
		return runHere(s, *file)
	case "bench":
		module, err := os.ReadFile(f.Arg(0))
		if err != nil {
			return err
		}
		out, err := dupStdout()
		if err != nil {
			return err
		}
		return bench(out, start{Module: module, Args: f.Args()}, *runs, *output)
	}
	return fmt.Errorf("there is no command %q; %s", args[0], usage)
}

// readSnapshot reads a snapshot file, with its module beside it.
func readSnapshot(path string) (start, error) {
	f, err := os.Open(path)
	if err != nil {
		return start{}, err
	}
	defer f.Close()
	s, err := compat.Decode(f)
	if err != nil {
		return start{}, fmt.Errorf("%s: %w", path, err)
	}
	module, err := os.ReadFile(path + ".wasm")
	if err != nil {
		return start{}, fmt.Errorf("a snapshot does not hold its module: %w", err)
	}
	return begin(s, module)
}

// runHere runs a guest on this process's streams. A signal freezes it into file, when one
// is given.
func runHere(s start, file string) error {
	p, err := launch(s, os.Stdin, os.Stdout, os.Stderr)
	if err != nil {
		return err
	}
	asked := make(chan os.Signal, 1)
	if file != "" {
		signal.Notify(asked, syscall.SIGTERM, os.Interrupt)
	}
	select {
	case <-p.done:
		return p.result
	case <-asked:
	}
	last, err := p.hold()
	if err != nil {
		return err
	}
	defer p.end()
	return errors.Join(publish(file+".wasm", func(w io.Writer) error { _, err := w.Write(s.Module); return err }),
		publish(file, s.snapshot(last, snapshotfmt.Meta{}).Encode))
}

// publish writes a file under another name first.
func publish(path string, write func(io.Writer) error) error {
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
