package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"sojourn/interp"
	"sojourn/interp/linmem"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// checkup is what sojourn can do on this machine.
type checkup struct {
	Build      build          `json:"build"`
	Processors int            `json:"processors"`
	Engines    []engineCheck  `json:"engines"`
	Tracking   []trackCheck   `json:"tracking"` // best first; the first that works is used
	Memory     *memoryCheck   `json:"memory"`
	Limits     map[string]int `json:"limits"`
	OK         bool           `json:"ok"` // guests run here
}

type engineCheck struct {
	Name  string `json:"name"`
	Works bool   `json:"works"`
	Auto  bool   `json:"auto"` // what --engine auto picks
	Why   string `json:"why,omitempty"`
}

type trackCheck struct {
	Method string `json:"method"`
	Works  bool   `json:"works"`
	Why    string `json:"why,omitempty"`
}

type memoryCheck struct {
	Reserve uint64 `json:"reserve"` // bytes of address space that a guest takes at most
	Works   bool   `json:"works"`
	Why     string `json:"why,omitempty"`
}

func newDoctor() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what works on this machine",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := examine()
			if asJSON {
				if err := json.NewEncoder(cmd.OutOrStdout()).Encode(c); err != nil {
					return err
				}
			} else {
				c.print(cmd.OutOrStdout())
			}
			if !c.OK {
				return exitWith(exitFailure)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as one JSON object")
	return cmd
}

// examine tries everything.
func examine() *checkup {
	c := &checkup{Build: thisBuild(), Processors: runtime.GOMAXPROCS(0), Memory: tryMemory(), Limits: map[string]int{
		"memory_pages":        wasm.MaxMemoryPages,
		"snapshot_frames":     snapshotfmt.MaxFrames,
		"snapshot_world":      snapshotfmt.MaxWorld,
		"snapshot_table_refs": snapshotfmt.MaxTableElements,
	}}
	comp := interp.HasCompiler()
	first := engineCheck{Name: interp.Compiler.String(), Works: comp, Auto: comp}
	if !comp {
		first.Why = fmt.Sprintf("there is none for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	c.Engines = []engineCheck{first, {Name: interp.Interpreter.String(), Works: true, Auto: !comp}}
	for _, m := range linmem.Probe() {
		t := trackCheck{Method: m.Name, Works: m.Err == nil}
		if m.Err != nil {
			t.Why = m.Err.Error()
		}
		c.Tracking = append(c.Tracking, t)
	}
	c.OK = c.Memory.Works
	return c
}

// tryMemory reserves the greatest memory that a guest can have.
func tryMemory() *memoryCheck {
	c := &memoryCheck{Reserve: wasm.MaxMemoryPages << 16}
	m, err := linmem.New(c.Reserve)
	if err != nil {
		c.Why = err.Error()
		return c
	}
	m.Free()
	c.Works = true
	return c
}

func (c *checkup) print(w io.Writer) {
	fmt.Fprintf(w, "sojourn %s, %s, %s/%s, %d processors\n\n", c.Build.Version, c.Build.Go, c.Build.OS, c.Build.Arch, c.Processors)
	for _, e := range c.Engines {
		note := e.Why
		if e.Auto {
			note = "what auto picks"
		}
		line(w, e.Works, "engine "+e.Name, note)
	}
	used := false
	for _, t := range c.Tracking {
		note := t.Why
		if t.Works && !used {
			note, used = "used", true
		}
		line(w, t.Works, "dirty pages by "+t.Method, note)
	}
	line(w, c.Memory.Works, fmt.Sprintf("reserve %d MiB of address space", c.Memory.Reserve>>20), c.Memory.Why)
}

// line prints one finding.
func line(w io.Writer, ok bool, what, note string) {
	mark := "ok"
	if !ok {
		mark = "no"
	}
	if note != "" {
		note = ": " + note
	}
	fmt.Fprintf(w, "%-4s%s%s\n", mark, what, note)
}
