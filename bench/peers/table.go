package main

import (
	"bytes"
	"fmt"
	"io"

	"sojourn/bench/measure"
)

// tables writes the results as Markdown.
func tables(all []*result) []byte {
	var w bytes.Buffer
	fmt.Fprint(&w, "| program | gcc -O2, CPU ms |")
	for _, s := range sides {
		fmt.Fprintf(&w, " %s |", s)
	}
	fmt.Fprintf(&w, " interpreter / wazero |\n|---|---|%s---|\n", dashes(len(sides)))
	for _, r := range all {
		fmt.Fprintf(&w, "| %s | %.0f |", r.name, r.native)
		for _, s := range sides {
			fmt.Fprintf(&w, " %.2f |", r.ratios[s])
		}
		fmt.Fprintf(&w, " %.0f |\n", r.interpreter)
	}
	fmt.Fprint(&w, "| **geometric mean** | |")
	for _, s := range sides {
		fmt.Fprintf(&w, " **%.2f** |", mean(all, func(r *result) float64 { return r.ratios[s] }))
	}
	fmt.Fprintf(&w, " **%.0f** |\n\n", mean(all, func(r *result) float64 { return r.interpreter }))
	sizes(&w, all)
	return w.Bytes()
}

// sizes writes what the ways to make a module stoppable do to it.
func sizes(w io.Writer, all []*result) {
	fmt.Fprint(w, "| made stoppable by | machine code, times | module, times | time, times wazero's |\n|---|---|---|---|\n")
	over := func(side string) string {
		return fmt.Sprintf("%.2f", mean(all, func(r *result) float64 { return r.ratios[side] / r.ratios[wazero] }))
	}
	for _, way := range []struct{ text, name, time string }{
		{"sojourn, at every loop and call", movable, over(movable)},
		{"Asyncify, where it calls the host", asyncify, over(asyncify)},
		{"Asyncify, with such a call in each function and loop", polled, "not run"},
	} {
		fmt.Fprintf(w, "| %s | %.2f | %.2f | %s |\n", way.text, mean(all, func(r *result) float64 { return r.code[way.name] }),
			mean(all, func(r *result) float64 { return r.bytes[way.name] }), way.time)
	}
}

func mean(all []*result, figure func(*result) float64) float64 {
	var figures []float64
	for _, r := range all {
		figures = append(figures, figure(r))
	}
	return measure.Mean(figures)
}

func dashes(n int) string { return string(bytes.Repeat([]byte("---|"), n)) }
