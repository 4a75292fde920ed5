package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"sojourn/bench/page"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var b bench
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&b.runs, "runs", 5, "runs of each side")
	f.Float64Var(&b.at, "at", 0.1, "freeze the moved guest at this part of its points")
	only := f.String("only", "", "programs to measure, `NAME,NAME`; own is all of examples/guests/c; default all")
	doc := f.String("doc", "", "put the table into `FILE` of Markdown")
	asJSON := f.Bool("json", false, "as JSON")
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if f.NArg() > 0 || b.runs < 1 || b.at < 0 || b.at >= 1 {
		return errors.New("flags only; at least one run; -at from 0 to below 1")
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	all, err := b.measureAll(ctx, chosen, stderr)
	if *doc != "" && err == nil {
		err = page.Insert(*doc, "go run ./bench -doc", table(all))
	}
	if *asJSON {
		return errors.Join(err, json.NewEncoder(stdout).Encode(all))
	}
	_, werr := stdout.Write(table(all))
	return errors.Join(err, werr)
}

// measureAll measures one program after the other, and says so. One that fails does not keep the
// others from it.
func (b *bench) measureAll(ctx context.Context, chosen []entry, progress io.Writer) (all []*result, err error) {
	for _, e := range chosen {
		fmt.Fprintf(progress, "%-14s", e.name)
		r, failed := b.measure(ctx, e)
		if failed != nil {
			fmt.Fprintln(progress, failed)
			err = errors.Join(err, fmt.Errorf("%s: %w", e.name, failed))
			continue
		}
		fmt.Fprintf(progress, "plain %6.0f ms, before %.2f (%.2f), after %.2f (%.2f), code %.2f\n",
			r.Before.Plain, r.Before.Ratio, r.PairsB, r.After.Ratio, r.PairsA, r.Code.Ratio)
		all = append(all, r)
	}
	return all, err
}
