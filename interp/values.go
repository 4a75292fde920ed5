package interp

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// wazero has a value as one word, or two of a vector and what stands for a reference to
// an exception; references in words are its own, and in a snapshot say what they refer to.

// words returns how many words values take.
func words(ts []wasm.ValType) int {
	n := len(ts)
	for _, t := range ts {
		if t == wasm.V128 {
			n++
		}
	}
	return n
}

// valueTypes are types as wazero names them.
func valueTypes(ts []wasm.ValType) []api.ValueType {
	out := make([]api.ValueType, len(ts))
	for i, t := range ts {
		out[i] = api.ValueType(t)
	}
	return out
}

// raw makes wazero's words of values.
func (m *part) raw(ctx context.Context, vs []snapshotfmt.Value) ([]uint64, error) {
	raw := make([]uint64, 0, len(vs)+1)
	for _, v := range vs {
		switch v.Type {
		case snapshotfmt.V128, snapshotfmt.ExnRef:
			raw = append(raw, v.Lo, v.Hi)
		case snapshotfmt.ExternRef:
			raw = append(raw, rawExtern(v.Lo))
		case snapshotfmt.FuncRef:
			r, err := m.refRaw(ctx, v.Lo)
			if err != nil {
				return nil, err
			}
			raw = append(raw, r)
		default:
			raw = append(raw, v.Lo)
		}
	}
	return raw, nil
}

// values makes values of wazero's words.
func (m *part) values(ctx context.Context, types []wasm.ValType, res []uint64) ([]snapshotfmt.Value, error) {
	vs := make([]snapshotfmt.Value, len(types))
	for i, t := range types {
		vs[i] = snapshotfmt.Value{Type: snapshotfmt.Type(t), Lo: res[0]}
		switch t {
		case wasm.V128, wasm.ExnRef:
			vs[i].Hi, res = res[1], res[1:]
		case wasm.I32, wasm.F32:
			vs[i].Lo = uint64(uint32(res[0]))
		case wasm.ExternRef:
			n, err := externOf(res[0])
			if err != nil {
				return nil, err
			}
			vs[i].Lo = n
		case wasm.FuncRef:
			idx, err := m.refIndex(ctx, res[0])
			if err != nil {
				return nil, err
			}
			vs[i].Lo = idx
		}
		res = res[1:]
	}
	return vs, nil
}
