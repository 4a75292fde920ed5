package main

import (
	"bytes"
	"fmt"
	"io"

	"sojourn/bench/measure"
)

// table writes the results as Markdown.
func table(all []*result) []byte {
	var w bytes.Buffer
	fmt.Fprint(&w, "| program | plain, CPU ms | before | after | pairs | code | module | compile |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range all {
		fmt.Fprintf(&w, "| %s | %.0f | %.2f | %.2f | %.2f, %.2f | %.2f | %.2f | %.2f |\n", r.Name, r.Before.Plain,
			r.Before.Ratio, r.After.Ratio, r.PairsB, r.PairsA, r.Code.Ratio, r.Module.Ratio, r.Compile.Ratio)
	}
	summary(&w, "geometric mean", all, measure.Mean)
	summary(&w, "worst", all, worst)
	return w.Bytes()
}

// columns are the figures of a program that can be summed up; nil is a column left empty.
var columns = []func(*result) float64{
	func(r *result) float64 { return r.Before.Ratio },
	func(r *result) float64 { return r.After.Ratio },
	nil,
	func(r *result) float64 { return r.Code.Ratio },
	func(r *result) float64 { return r.Module.Ratio },
	func(r *result) float64 { return r.Compile.Ratio },
}

// summary writes a row with one figure for each column.
func summary(w io.Writer, name string, all []*result, of func([]float64) float64) {
	fmt.Fprintf(w, "| **%s** | |", name)
	for _, column := range columns {
		if column == nil {
			fmt.Fprint(w, " |")
			continue
		}
		var figures []float64
		for _, r := range all {
			figures = append(figures, column(r))
		}
		fmt.Fprintf(w, " **%.2f** |", of(figures))
	}
	fmt.Fprintln(w)
}

func worst(figures []float64) (w float64) {
	for _, f := range figures {
		w = max(w, f)
	}
	return w
}
