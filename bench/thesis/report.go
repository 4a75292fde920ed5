package thesis

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// Page returns docs/EXPERIMENTS.md, and the plots beside it by their paths.
func (r *Result) Page(command string) (page string, plots map[string]string) {
	var b strings.Builder
	fmt.Fprintf(&b, "# The experiments of the thesis, again\n\n")
	fmt.Fprintf(&b, "Written by `%s` on %s/%s with %d processors, which other work shared; %d repetitions each.\n", command, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), r.Runs)
	b.WriteString(intro)
	r.sizes(&b)
	r.times(&b)
	r.checkpoints(&b)
	r.again(&b)
	return b.String(), r.plots()
}

const intro = `
The thesis (Baldo, Padova 2024) measured one guest, Fibonacci, compiled from Rust, on Wasmtime, on an Intel
i5-6400. Here are three guests in C, each *idiomatic*, with its state in a vector and a checkpoint after each
change, and as an *unmodified* twin that computes the same. Wasmer is the binding 1.0.4 with its JIT; *our engine*
is wazero's compiler. The machine, the runtime and the language differ, so no time of the thesis can be compared
with one of ours; ratios and shapes can. Where the thesis names no unit, none is made up for it.

Medians are given, and in brackets the values that 5 and 95 of 100 lie below.
`

func (r *Result) sizes(b *strings.Builder) {
	b.WriteString("\n## 1. Size of the module\n\n")
	b.WriteString("Overhead as the thesis computes it: the difference over the final size. Ours needs no change of the\nprogram; the node makes the module stoppable after it has arrived, and its size is what the compiler sees.\n\n")
	b.WriteString("| guest | unmodified, bytes | idiomatic, bytes | overhead | unmodified, made stoppable here | times |\n|---|---|---|---|---|---|\n")
	b.WriteString("| thesis: Fibonacci | 1442133 | 1504129 | 4.12 % | | |\n")
	for _, s := range r.Sizes {
		fmt.Fprintf(b, "| %s | %d | %d | %.2f %% | %d | %.2f |\n", s.Guest, s.Twin, s.Idiomatic,
			100*float64(s.Idiomatic-s.Twin)/float64(s.Idiomatic), s.Stoppable, float64(s.Stoppable)/float64(s.Twin))
	}
	b.WriteString("\nThe thesis says bits where `stat` counts bytes, and shows 1504912 in a figure and 1504129 in its table.\n")
}

func (r *Result) times(b *strings.Builder) {
	b.WriteString("\n## 2. Instantiation and execution\n\n")
	b.WriteString("The thesis finds instantiation unchanged and execution some 200 ms longer with checkpoints; its figures\ngive no absolute number. On plain wazero, instantiation is in the time of execution.\n\n")
	b.WriteString("| guest | way | instantiate, ms | execute, ms |\n|---|---|---|---|\n")
	for _, t := range r.Times {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", t.Guest, t.Way, spread(t.Instantiate, 3), spread(t.Execute, 3))
	}
	b.WriteString("\n![Instantiation of Fibonacci over repetitions](plots/instantiate.svg)\n\n![Execution of Fibonacci over repetitions](plots/execute.svg)\n")
}

func (r *Result) checkpoints(b *strings.Builder) {
	b.WriteString("\n## 3. One checkpoint and one restore\n\n")
	b.WriteString("Inside the functions, in package `compat`, which both engines share: a checkpoint with its lock, the same\ncopy without one, and a restore. Reading the clock twice is in each, some hundredths of a microsecond.\n\n")
	b.WriteString("| values of 32 bits | checkpoint, µs | without the lock, µs | restore, µs |\n|---|---|---|---|\n")
	for _, c := range r.Copies {
		fmt.Fprintf(b, "| %d | %s | %s | %s |\n", c.Values, spread(c.Checkpoint, 3), spread(c.Unlocked, 3), spread(c.Restore, 3))
	}
	b.WriteString("\nAs the guest sees it: the time of a run that makes so many checkpoints, by their number. What is above the\ntable before is the way from WebAssembly to the host and back, the start of the guest and, with few\ncheckpoints of a large vector, the first touch of its memory and of the copies.\n\n")
	b.WriteString("| values | checkpoints in a run | engine | one checkpoint, µs |\n|---|---|---|---|\n")
	for _, c := range r.Calls {
		fmt.Fprintf(b, "| %d | %d | %s | %s |\n", c.Values, c.Each, c.Way, spread(c.Micros, 3))
	}
	b.WriteString("\n![One checkpoint as the vector grows](plots/growth.svg)\n\n")
	b.WriteString("The thesis shows two clusters of checkpoint times, around 0.977 and 3.839, and one around 1 without the lock;\nit puts the difference down to Rust's mutex. Below are ours of a vector of three, with and without.\n\n")
	three := r.three()
	fmt.Fprintf(b, "Ours is one cluster each: an uncontended lock of Go, with the checks of pointer and length, costs %.3f µs.\n\n", at(three.Checkpoint, 0.5)-at(three.Unlocked, 0.5))
	b.WriteString("![Checkpoints of three values over repetitions, with and without the lock](plots/lock.svg)\n")
}

func (r *Result) again(b *strings.Builder) {
	b.WriteString("\n## What is done twice\n\n")
	fmt.Fprintf(b, "Each guest is moved %d times in its run, to a fresh instance: the idiomatic one by its last checkpoint, its twin\nstopped between two instructions. Instructions are counted exactly; those beyond a run that is not moved\nwere repeated. An idiomatic guest also begins anew: what it does before `restore` is in the number.\n\n", moves)
	b.WriteString("| guest | idiomatic, instructions | repeated | share | unmodified, instructions | repeated |\n|---|---|---|---|---|---|\n")
	for _, a := range r.Again {
		fmt.Fprintf(b, "| %s | %d | %d | %.1f %% | %d | %d |\n", a.Guest, a.Idiomatic, a.RepeatedByMoves,
			100*float64(a.RepeatedByMoves)/float64(a.Idiomatic), a.Twin, a.RepeatedByFreeze)
	}
}

func spread(v []float64, digits int) string {
	if len(v) == 0 {
		return ""
	}
	return fmt.Sprintf("%.*f [%.*f, %.*f]", digits, at(v, 0.5), digits, at(v, 0.05), digits, at(v, 0.95))
}

var colours = map[string]string{OldEnv: "#999999", NewEnv: "#d1495b", Movable: "#00798c", OldOnWasmer: "#edae49", NewOnWasmer: "#5f4b8b",
	"our engine": "#d1495b", "Wasmer": "#5f4b8b"}

// three returns what was measured of the thesis's vector.
func (r *Result) three() Copy {
	return r.Copies[slices.IndexFunc(r.Copies, func(c Copy) bool { return c.Values == 3 })]
}

func (r *Result) plots() map[string]string {
	var inst, exec, growth []series
	for _, t := range r.Times {
		if t.Guest != "fib" || t.Way == OldEnv {
			continue
		}
		if t.Way != OldOnWasmer {
			inst = append(inst, over(t.Way, colours[t.Way], t.Instantiate))
			exec = append(exec, over(t.Way, colours[t.Way], t.Execute))
		}
	}
	for _, way := range []string{"our engine", "Wasmer"} {
		s := series{name: way, colour: colours[way], line: true}
		for _, c := range r.Calls {
			if c.Way == way {
				s.x, s.y = append(s.x, float64(c.Values)), append(s.y, at(c.Micros, 0.5))
			}
		}
		if len(s.x) > 0 {
			growth = append(growth, s)
		}
	}
	copies := series{name: "inside the function", colour: "#00798c", line: true}
	for _, c := range r.Copies {
		copies.x, copies.y = append(copies.x, float64(c.Values)), append(copies.y, max(at(c.Checkpoint, 0.5), 0.001))
	}
	three := r.three()
	return map[string]string{
		"plots/instantiate.svg": plot("Instantiation of Fibonacci", "repetition", "ms", false, inst...),
		"plots/execute.svg":     plot("Execution of Fibonacci", "repetition", "ms", false, exec...),
		"plots/growth.svg":      plot("One checkpoint as the vector grows", "values", "µs", true, append(growth, copies)...),
		"plots/lock.svg": plot("One checkpoint of three values", "repetition", "µs", false,
			over("with the lock", "#d1495b", three.Checkpoint), over("without", "#00798c", three.Unlocked)),
	}
}
