package rewrite

import "sojourn/interp/wasm"

// Placed calls write, if it is not nil, for each active data segment of m with where it
// goes, up to the first whose place is not known before instantiation or not within the
// memory. It returns how many segments that are, passive ones between them included.
//
// The host copies these itself, in the order of instantiation. A program of Go's has a
// hundred thousand: as code that copies them they took wazero seconds and gigabytes.
func Placed(m *wasm.Module, write func(at uint32, data []byte)) int {
	limits, ok := m.MemoryType()
	if !ok {
		return 0
	}
	consts := m.Constants()
	for i, d := range m.Datas {
		if d.Mode != wasm.Active {
			continue
		}
		at, ok := consts.I32(d.Offset)
		if !ok || uint64(at)+uint64(len(d.Init)) > uint64(limits.Min)<<16 {
			return i
		}
		if write != nil {
			write(at, d.Init)
		}
	}
	return len(m.Datas)
}
