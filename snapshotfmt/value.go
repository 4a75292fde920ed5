package snapshotfmt

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A value is its type's byte, followed by
//
//	Dead                 nothing
//	i32, i64             unsigned LEB128 of the bits, shortest form
//	f32, f64             4, 8 bytes, little-endian
//	v128, exnref         16 bytes, little-endian
//	funcref, externref   unsigned LEB128: 0 for null, or one more than the [Ref]

// appendValue encodes v, which must be in its one valid form.
func appendValue(dst []byte, v Value) ([]byte, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	dst = append(dst, byte(v.Type))
	switch v.Type {
	case I32, I64:
		dst = binary.AppendUvarint(dst, v.Lo)
	case F32:
		dst = binary.LittleEndian.AppendUint32(dst, uint32(v.Lo))
	case F64:
		dst = binary.LittleEndian.AppendUint64(dst, v.Lo)
	case V128, ExnRef:
		dst = binary.LittleEndian.AppendUint64(dst, v.Lo)
		dst = binary.LittleEndian.AppendUint64(dst, v.Hi)
	case FuncRef, ExternRef:
		dst = appendRef(dst, v.Lo)
	}
	return dst, nil
}

// check refuses bits where the type has none: a value has one form only.
func (v Value) check() error {
	switch {
	case v.Type.String() == "":
		return fmt.Errorf("%w: type %#x", ErrMalformed, byte(v.Type))
	case v.Hi != 0 && v.Type != V128 && v.Type != ExnRef,
		v.Lo > math.MaxUint32 && (v.Type == I32 || v.Type == F32),
		v.Lo != 0 && v.Type == Dead,
		v.Type.isRef() && !validRef(v.Type, v.Lo):
		return fmt.Errorf("%w: %v holds bits %#x:%#x", ErrMalformed, v.Type, v.Hi, v.Lo)
	}
	return nil
}

func (t Type) isRef() bool { return t == FuncRef || t == ExternRef }

// validRef reports whether a reference of a type can be ref: the number of one of the
// host's takes no more than the index of a function.
func validRef(t Type, ref uint64) bool {
	module, fn := RefFunc(ref)
	modules := uint32(MaxModules)
	if t == ExternRef {
		modules = 1
	}
	return ref == Null || module < modules && fn < math.MaxUint32
}

// appendRef encodes a reference that validRef accepts. Null wraps to 0.
func appendRef(dst []byte, ref uint64) []byte { return binary.AppendUvarint(dst, ref+1) }

func (c *cursor) ref(name string, t Type) uint64 {
	start := c.at
	ref := c.uvarint(name, MaxModules<<32-1) - 1
	if !validRef(t, ref) {
		c.malformed(start, "%s is %v %#x", name, t, ref)
	}
	return ref
}

// value decodes one value.
func (c *cursor) value(name string, i int) Value {
	start := c.at
	v := Value{Type: Type(c.u8(name))}
	switch v.Type {
	case Dead:
	case I32:
		v.Lo = c.uvarint(name, math.MaxUint32)
	case I64:
		v.Lo = c.uvarint(name, math.MaxUint64)
	case F32:
		v.Lo = uint64(c.u32(name))
	case F64:
		v.Lo = c.u64(name)
	case V128, ExnRef:
		v.Lo, v.Hi = c.u64(name), c.u64(name)
	case FuncRef, ExternRef:
		v.Lo = c.ref(name, v.Type)
	default:
		c.malformed(start, "%s %d has type %#x", name, i, byte(v.Type))
	}
	if c.note != nil {
		c.told(start, "%s %d: %v", name, i, v)
	}
	return v
}

// values decodes a count and as many values. names is the plural of name: there are too
// many to make it each time.
func (c *cursor) values(name, names string, most int) []Value {
	n := c.count(names, most, 1)
	if n == 0 {
		return nil
	}
	vs := make([]Value, 0, min(n, 1<<10))
	for i := 0; i < n && c.err == nil; i++ {
		vs = append(vs, c.value(name, i))
	}
	return vs
}

// appendValues encodes a count and the values.
func appendValues(dst []byte, vs []Value, most int) ([]byte, error) {
	if len(vs) > most {
		return nil, fmt.Errorf("%d values, %w of %d", len(vs), ErrLimit, most)
	}
	dst = binary.AppendUvarint(dst, uint64(len(vs)))
	var err error
	for i, v := range vs {
		if dst, err = appendValue(dst, v); err != nil {
			return nil, fmt.Errorf("value %d: %w", i, err)
		}
	}
	return dst, nil
}

// String returns the type's name in the text format, "" for an unknown one.
func (t Type) String() string {
	switch t {
	case Dead:
		return "dead"
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	case ExnRef:
		return "exnref"
	}
	return ""
}

// String returns the value as a person reads it, with its type.
func (v Value) String() string {
	switch v.Type {
	case Dead:
		return "dead"
	case I32:
		return fmt.Sprintf("i32 %d", int32(v.Lo))
	case I64:
		return fmt.Sprintf("i64 %d", int64(v.Lo))
	case F32:
		return fmt.Sprintf("f32 %v", math.Float32frombits(uint32(v.Lo)))
	case F64:
		return fmt.Sprintf("f64 %v", math.Float64frombits(v.Lo))
	case V128:
		return fmt.Sprintf("v128 %016x%016x", v.Hi, v.Lo)
	case ExnRef:
		if uint32(v.Lo) == 0 {
			return "exnref null"
		}
		return fmt.Sprintf("exnref tag %d, %08x%016x", uint32(v.Lo)-1, v.Lo>>32, v.Hi)
	}
	if v.Lo == Null {
		return v.Type.String() + " null"
	}
	if v.Type == ExternRef {
		return fmt.Sprintf("externref %d", v.Lo)
	}
	module, fn := RefFunc(v.Lo)
	if module > 0 {
		return fmt.Sprintf("%v function %d of module %d", v.Type, fn, module)
	}
	return fmt.Sprintf("%v function %d", v.Type, fn)
}
