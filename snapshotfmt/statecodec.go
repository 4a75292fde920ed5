package snapshotfmt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

// statePart is one of the six parts that are a State.
type statePart struct {
	kind   kind
	append func([]byte, *State) ([]byte, error)
	decode func(*cursor, *State, Limits)
}

// stateParts is all of them, in their order.
var stateParts = [...]statePart{
	{kindGuest, appendGuest, (*cursor).guest},
	{kindFrames, appendFrames, (*cursor).frames},
	{kindGlobals, appendGlobals, (*cursor).globals},
	{kindTables, appendTables, (*cursor).tables},
	{kindDropped, appendDropped, (*cursor).dropped},
	{kindWorld, appendWorld, (*cursor).world},
}

// AppendState appends the encoding of st to dst: the six parts from guest to world,
// as in a file. Equal states have equal encodings. It fails when st is over a limit
// of the format, or when a value has bits that its type has not.
func AppendState(dst []byte, st *State) ([]byte, error) {
	if st == nil {
		return nil, errNilState
	}
	if err := st.idiomatic(); err != nil {
		return nil, fmt.Errorf("snapshot: guest: %w", err)
	}
	for _, p := range stateParts {
		start := len(dst)
		body, err := p.append(beginPart(dst, p.kind), st)
		if err != nil {
			return nil, fmt.Errorf("snapshot: %v: %w", p.kind, err)
		}
		if dst, err = endPart(body, start); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// DecodeState decodes what [AppendState] appended: all of b and nothing more. The
// result does not alias b.
func DecodeState(b []byte, lim Limits) (*State, error) {
	r := bytes.NewReader(b)
	parts := partReader{r: r}
	st, err := parts.state(lim.withDefaults(), func() {})
	if err != nil {
		return nil, err
	}
	if r.Len() > 0 {
		return nil, &Error{"state", parts.off, fmt.Errorf("%w: %d", ErrTrailing, r.Len())}
	}
	return st, nil
}

// state reads the parts of a State, and calls after when it has read each.
func (p *partReader) state(lim Limits, after func()) (*State, error) {
	st := new(State)
	for _, want := range stateParts {
		k, body, err := p.next()
		if err != nil {
			return nil, err
		}
		if k != want.kind {
			return nil, &Error{k.String(), p.at, fmt.Errorf("%w: %v is next", ErrOrder, want.kind)}
		}
		c := p.cursor(k, body)
		want.decode(c, st, lim)
		if err := c.done(); err != nil {
			return nil, err
		}
		after()
	}
	if err := st.idiomatic(); err != nil {
		return nil, &Error{"guest", p.off, err}
	}
	return st, nil
}

// minFrame is the size of the smallest frame: five numbers of one byte.
const minFrame = 5

// The contents of the frames part: the number of frames, then for each module,
// function, pc, the number of locals, locals, the height of the stack, its values.
// All numbers are unsigned LEB128.
func appendFrames(dst []byte, st *State) ([]byte, error) {
	if len(st.Frames) > MaxFrames {
		return nil, fmt.Errorf("%d frames, %w of %d", len(st.Frames), ErrLimit, MaxFrames)
	}
	dst = binary.AppendUvarint(dst, uint64(len(st.Frames)))
	left := MaxValues
	for i := range st.Frames {
		f := &st.Frames[i]
		if left -= len(f.Locals) + len(f.Stack); left < 0 {
			return nil, fmt.Errorf("frame %d: values of all frames %w of %d", i, ErrLimit, MaxValues)
		}
		var err error
		if dst, err = f.append(dst); err != nil {
			return nil, fmt.Errorf("frame %d: %w", i, err)
		}
	}
	return dst, nil
}

func (f *Frame) append(dst []byte) ([]byte, error) {
	if f.Module >= MaxModules {
		return nil, fmt.Errorf("module %d, %w of %d", f.Module, ErrLimit, MaxModules)
	}
	dst = binary.AppendUvarint(dst, uint64(f.Module))
	dst = binary.AppendUvarint(dst, uint64(f.Func))
	dst = binary.AppendUvarint(dst, uint64(f.PC))
	dst, err := appendValues(dst, f.Locals, MaxFrameValues)
	if err != nil {
		return nil, fmt.Errorf("locals: %w", err)
	}
	if dst, err = appendValues(dst, f.Stack, MaxFrameValues); err != nil {
		return nil, fmt.Errorf("stack: %w", err)
	}
	return dst, nil
}

func (c *cursor) frames(st *State, lim Limits) {
	n := c.count("frames", lim.Frames, minFrame)
	left := lim.Values
	if n > 0 {
		st.Frames = make([]Frame, 0, min(n, 1<<10))
	}
	for i := 0; i < n && c.err == nil; i++ {
		start := c.at
		f := c.frame(i, min(left, MaxFrameValues))
		if left -= len(f.Locals) + len(f.Stack); left < 0 {
			c.fail(start, fmt.Errorf("values of all frames are %w of %d", ErrLimit, lim.Values))
		}
		st.Frames = append(st.Frames, f)
	}
}

func (c *cursor) frame(i, most int) Frame {
	start := c.at
	f := Frame{
		Module: uint32(c.uvarint("module", MaxModules-1)),
		Func:   uint32(c.uvarint("function", math.MaxUint32)),
		PC:     uint32(c.uvarint("pc", math.MaxUint32)),
	}
	if c.note != nil {
		c.told(start, "frame %d: module %d, function %d, pc %#x", i, f.Module, f.Func, f.PC)
	}
	f.Locals = c.values("local", "locals", most)
	f.Stack = c.values("stack value", "stack values", most)
	return f
}

// The contents of the globals part: their number, and the values.
func appendGlobals(dst []byte, st *State) ([]byte, error) {
	return appendValues(dst, st.Globals, MaxGlobals)
}

func (c *cursor) globals(st *State, _ Limits) { st.Globals = c.values("global", "globals", MaxGlobals) }

// The contents of the tables part: their number, then for each the type's byte, the
// number of entries, and the entries as references.
func appendTables(dst []byte, st *State) ([]byte, error) {
	if len(st.Tables) > MaxTables {
		return nil, fmt.Errorf("%d tables, %w of %d", len(st.Tables), ErrLimit, MaxTables)
	}
	dst = binary.AppendUvarint(dst, uint64(len(st.Tables)))
	left := MaxTableElements
	for i, t := range st.Tables {
		if left -= len(t.Refs); left < 0 {
			return nil, fmt.Errorf("table %d: entries of all tables %w of %d", i, ErrLimit, MaxTableElements)
		}
		if !t.Elem.isRef() {
			return nil, fmt.Errorf("table %d: %w: element type %#x", i, ErrMalformed, byte(t.Elem))
		}
		dst = append(dst, byte(t.Elem))
		dst = binary.AppendUvarint(dst, uint64(len(t.Refs)))
		for j, ref := range t.Refs {
			if !validRef(t.Elem, ref) {
				return nil, fmt.Errorf("table %d entry %d: %w: reference %#x", i, j, ErrMalformed, ref)
			}
			dst = appendRef(dst, ref)
		}
	}
	return dst, nil
}

func (c *cursor) tables(st *State, lim Limits) {
	n := c.count("tables", MaxTables, 2)
	left := lim.TableElements
	for i := 0; i < n && c.err == nil; i++ {
		start := c.at
		t := Table{Elem: Type(c.u8("element type"))}
		if !t.Elem.isRef() {
			c.malformed(start, "table %d has element type %#x", i, byte(t.Elem))
		}
		c.told(start, "table %d: %v", i, t.Elem)
		t.Refs = c.refs(left, t.Elem)
		left -= len(t.Refs)
		st.Tables = append(st.Tables, t)
	}
}

// refs decodes the entries of one table.
func (c *cursor) refs(most int, t Type) []uint64 {
	n := c.count("entries", most, 1)
	start := c.at
	if n == 0 {
		return nil
	}
	refs := make([]uint64, 0, n)
	for i := 0; i < n && c.err == nil; i++ {
		refs = append(refs, c.ref("entry", t))
	}
	c.told(start, "%d references", n)
	return refs
}

// The contents of the dropped part: element segments, then data segments, each as
// their number, the first index, and the distance to each next index less one.
func appendDropped(dst []byte, st *State) ([]byte, error) {
	dst, err := appendSegments(dst, st.DroppedElems)
	if err != nil {
		return nil, fmt.Errorf("element segments: %w", err)
	}
	if dst, err = appendSegments(dst, st.DroppedDatas); err != nil {
		return nil, fmt.Errorf("data segments: %w", err)
	}
	return dst, nil
}

func appendSegments(dst []byte, segs []uint32) ([]byte, error) {
	if len(segs) > MaxSegments {
		return nil, fmt.Errorf("%d, %w of %d", len(segs), ErrLimit, MaxSegments)
	}
	dst = binary.AppendUvarint(dst, uint64(len(segs)))
	least := uint64(0)
	for _, s := range segs {
		if uint64(s) < least {
			return nil, fmt.Errorf("%w: index %d does not ascend", ErrOrder, s)
		}
		dst = binary.AppendUvarint(dst, uint64(s)-least)
		least = uint64(s) + 1
	}
	return dst, nil
}

func (c *cursor) dropped(st *State, _ Limits) {
	st.DroppedElems = c.segments("dropped element segments")
	st.DroppedDatas = c.segments("dropped data segments")
}

func (c *cursor) segments(name string) []uint32 {
	n := c.count(name, MaxSegments, 1)
	var segs []uint32
	least := uint64(0)
	for i := 0; i < n && c.err == nil; i++ {
		start := c.at
		s := least + c.uvarint("index", math.MaxUint32)
		if s > math.MaxUint32 {
			c.malformed(start, "segment index %d", s)
		}
		c.told(start, "segment %d", s)
		segs = append(segs, uint32(s))
		least = s + 1
	}
	return segs
}

// The contents of the world part are engine/wasi's.
func appendWorld(dst []byte, st *State) ([]byte, error) { return append(dst, st.World...), nil }

func (c *cursor) world(st *State, lim Limits) {
	if c.rest() > lim.World {
		c.fail(0, fmt.Errorf("%d bytes is %w of %d", c.rest(), ErrLimit, lim.World))
		return
	}
	n := c.rest()
	st.World = append([]byte(nil), c.bytes("world", n)...)
	c.told(0, "world: %d bytes of CBOR", n)
}
