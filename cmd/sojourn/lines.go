package main

import (
	"debug/dwarf"
	"fmt"
	"path"

	"sojourn/interp/wasm"
)

// lineTable finds source lines in a module's DWARF. The nil table knows none.
type lineTable struct{ data *dwarf.Data }

// newLineTable returns nil for a module without DWARF, or with DWARF that cannot be
// read: lines are a courtesy.
func newLineTable(m *wasm.Module) *lineTable {
	sec := map[string][]byte{}
	for _, c := range m.Customs {
		sec[c.Name] = c.Data
	}
	if sec[".debug_info"] == nil || sec[".debug_line"] == nil {
		return nil
	}
	d, err := dwarf.New(sec[".debug_abbrev"], nil, nil, sec[".debug_info"], sec[".debug_line"], nil, sec[".debug_ranges"], sec[".debug_str"])
	if err != nil {
		return nil
	}
	for _, name := range []string{".debug_addr", ".debug_line_str", ".debug_str_offsets", ".debug_rnglists"} {
		if sec[name] == nil {
			continue
		}
		if err := d.AddSection(name, sec[name]); err != nil {
			return nil
		}
	}
	return &lineTable{d}
}

// at returns file:line of a pc, "" when it is not known.
func (t *lineTable) at(pc uint32) string {
	if t == nil {
		return ""
	}
	unit, err := t.data.Reader().SeekPC(uint64(pc))
	if err != nil {
		return ""
	}
	lines, err := t.data.LineReader(unit)
	if err != nil || lines == nil {
		return ""
	}
	var e dwarf.LineEntry
	if err := lines.SeekPC(uint64(pc), &e); err != nil || e.File == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", path.Base(e.File.Name), e.Line)
}
