package spectest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"sojourn/snapshotfmt"
)

// value is an argument, or what a result must be.
type value struct {
	Type     string
	LaneType string          `json:"lane_type"`
	Value    json.RawMessage // a string, of a v128 one for each lane; none: any reference
}

// lane is a number within a value, or all of it.
type lane struct {
	width int    // bits
	bits  uint64 // what it must be
	nan   string // or "canonical", or "arithmetic"
}

var types = map[string]snapshotfmt.Type{
	"i32": snapshotfmt.I32, "i64": snapshotfmt.I64, "f32": snapshotfmt.F32, "f64": snapshotfmt.F64,
	"v128": snapshotfmt.V128, "funcref": snapshotfmt.FuncRef, "externref": snapshotfmt.ExternRef,
}

// lanes reads the numbers of a value that is not a reference.
func (v *value) lanes() ([]lane, error) {
	texts, typ := make([]string, 1), v.LaneType
	into := any(&texts[0])
	if v.Type == "v128" {
		into = &texts
	} else {
		typ = v.Type
	}
	if err := json.Unmarshal(v.Value, into); err != nil {
		return nil, err
	}
	width, err := strconv.Atoi(typ[1:])
	if err != nil {
		return nil, err
	}
	ls := make([]lane, len(texts))
	for i, s := range texts {
		ls[i] = lane{width: width}
		if nan, ok := strings.CutPrefix(s, "nan:"); ok {
			ls[i].nan = nan
		} else if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			ls[i].bits = uint64(n) << (64 - width) >> (64 - width)
		} else if ls[i].bits, err = strconv.ParseUint(s, 10, 64); err != nil {
			return nil, err
		}
	}
	return ls, nil
}

// null reports whether a reference is null, and any whether it may be anything.
func (v *value) ref() (ref uint64, any bool, err error) {
	var s string
	if len(v.Value) == 0 {
		return 0, true, nil
	}
	if err := json.Unmarshal(v.Value, &s); err != nil || s == "null" {
		return snapshotfmt.Null, false, err
	}
	ref, err = strconv.ParseUint(s, 10, 32)
	return ref, false, err
}

// arg returns the value as an argument.
func (v *value) arg() (snapshotfmt.Value, error) {
	out := snapshotfmt.Value{Type: types[v.Type]}
	if strings.HasSuffix(v.Type, "ref") {
		ref, any, err := v.ref()
		if any || err != nil {
			return out, fmt.Errorf("an argument of type %s without a value: %v", v.Type, err)
		}
		out.Lo = ref
		return out, nil
	}
	ls, err := v.lanes()
	if err != nil {
		return out, err
	}
	at := 0
	for _, l := range ls {
		if at < 64 {
			out.Lo |= l.bits << at
		} else {
			out.Hi |= l.bits << (at - 64)
		}
		at += l.width
	}
	return out, nil
}

// matches reports whether a result is what it must be: the same bits, and of a NaN
// those that the specification fixes.
func (v *value) matches(got snapshotfmt.Value) (bool, error) {
	if got.Type != types[v.Type] {
		return false, nil
	}
	if strings.HasSuffix(v.Type, "ref") {
		ref, any, err := v.ref()
		return any || ref == got.Lo, err
	}
	ls, err := v.lanes()
	if err != nil {
		return false, err
	}
	at := 0
	for _, l := range ls {
		bits := got.Lo >> at
		if at >= 64 {
			bits = got.Hi >> (at - 64)
		}
		if !l.matches(bits << (64 - l.width) >> (64 - l.width)) {
			return false, nil
		}
		at += l.width
	}
	return true, nil
}

func (l lane) matches(bits uint64) bool {
	canonical := uint64(0x7fc00000)
	if l.width == 64 {
		canonical = 0x7ff8000000000000
	}
	switch l.nan {
	case "canonical":
		return bits&^(1<<(l.width-1)) == canonical
	case "arithmetic": // quiet, with any payload
		return bits&canonical == canonical
	}
	return bits == l.bits
}

func show(vs []snapshotfmt.Value) string {
	var out []string
	for _, v := range vs {
		out = append(out, fmt.Sprintf("%v (%#x %#x)", v, v.Lo, v.Hi))
	}
	return "[" + strings.Join(out, ", ") + "]"
}
