package main

import (
	"sojourn/interp"
	"sojourn/snapshotfmt"
)

// memoryMap says which pages of 64 KiB of a memory hold what.
type memoryMap struct {
	Pages   uint32      `json:"pages"` // of 64 KiB
	Zero    uint32      `json:"zero"`
	Initial uint32      `json:"initial"` // as the module's data left them
	Touched uint32      `json:"touched"` // with anything else
	Stored  uint32      `json:"stored"`  // pages of 4 KiB that the file holds
	Runs    []memoryRun `json:"runs"`
}

// memoryRun is pages of 64 KiB of one kind: zero, initial or touched. Without the
// module, pages that hold nothing but initial data cannot be told from zero ones.
type memoryRun struct {
	First uint32 `json:"first"`
	Pages uint32 `json:"pages"`
	Kind  string `json:"kind"`
}

// mapMemory reads the rest of a snapshot. With the module it checks the root too.
func mapMemory(dec *snapshotfmt.Decoder, pages uint32, g *guide) (memoryMap, error) {
	m := memoryMap{Pages: pages, Runs: []memoryRun{}}
	kinds := make([]byte, pages)
	var base *snapshotfmt.Base
	if g != nil {
		var image []byte
		if g.index == 0 { // of several modules snapshots leave nothing out
			image = interp.InitialMemory(g.Module)
		}
		base = snapshotfmt.NewBase(image)
		for at, b := range image {
			if b != 0 && at>>16 < len(kinds) {
				kinds[at>>16] = 1
			}
		}
	}
	err := dec.Pages(base, func(page uint32, _ []byte) error {
		kinds[page/snapshotfmt.PagesPerWasmPage] = 2
		m.Stored++
		return nil
	})
	for i, k := range kinds {
		m.add(uint32(i), k)
	}
	return m, err
}

// add takes note of the next page.
func (m *memoryMap) add(page uint32, kind byte) {
	*[...]*uint32{&m.Zero, &m.Initial, &m.Touched}[kind]++
	name := [...]string{"zero", "initial", "touched"}[kind]
	if n := len(m.Runs); n > 0 && m.Runs[n-1].Kind == name {
		m.Runs[n-1].Pages++
		return
	}
	m.Runs = append(m.Runs, memoryRun{page, 1, name})
}
