package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
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
	only := f.String("only", "", "programs to measure, `NAME,NAME`; default all")
	doc := f.String("doc", "", "put the table into `FILE` of Markdown")
	asJSON := f.Bool("json", false, "as JSON")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 || b.runs < 1 || b.at < 0 || b.at >= 1 {
		return errors.New("flags only; at least one run; -at from 0 to below 1")
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	var all []*result
	for _, e := range chosen {
		fmt.Fprintf(stderr, "%-14s", e.name)
		r, err := b.measure(ctx, e)
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		fmt.Fprintf(stderr, "plain %6.0f ms, before %.2f (%.2f), after %.2f (%.2f), code %.2f\n",
			r.Before.Plain, r.Before.Ratio, r.PairsB, r.After.Ratio, r.PairsA, r.Code.Ratio)
		all = append(all, r)
	}
	if *doc != "" {
		if err := insert(*doc, table(all)); err != nil {
			return err
		}
	}
	if *asJSON {
		return json.NewEncoder(stdout).Encode(all)
	}
	_, err = stdout.Write(table(all))
	return err
}
