package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"sojourn/bench/page"
)

const command = "go run ./bench/peers -doc"

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.SetOutput(stderr)
	runs := f.Int("runs", 5, "runs of each side")
	only := f.String("only", "", "programs to measure, `NAME,NAME`; default all")
	doc := f.String("doc", "", "put the tables into `FILE` of Markdown")
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if f.NArg() > 0 || *runs < 1 {
		return errors.New("flags only; at least one run")
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sojourn-peers-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{dir: dir, runs: *runs}
	if err := b.build(ctx); err != nil {
		return err
	}
	var all []*result
	for _, p := range chosen {
		fmt.Fprintf(stderr, "%-12s", p.name)
		r, err := b.measure(ctx, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Fprintln(stderr, r)
		all = append(all, r)
	}
	text := tables(all)
	if *doc != "" {
		if err := page.Insert(*doc, command, text); err != nil {
			return err
		}
	}
	_, err = stdout.Write(text)
	return err
}
