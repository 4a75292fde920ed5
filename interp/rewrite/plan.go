package rewrite

import (
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"sojourn/interp/wasm"
)

// Options says what the host knows and the module does not.
type Options struct {
	// Blocking reports whether a guest can be frozen in a call of the import.
	Blocking func(wasm.Import) bool

	// Link is nil for a guest of one module.
	Link *Link
	// Count asks for a count of instructions, and a stop at any of them: see count.go.
	Count bool
}

// Kind is how a frame comes to stop at a point.
type Kind uint8

const (
	Loop Kind = iota // at the head of a loop
	Call             // in a call, or just behind it
	Host             // in a call of a blocking import, before it or just behind it
	Bulk             // in the middle of a long memory.copy or memory.fill
	Jump             // before a tail call that is counted, or a throw
	Step             // before an instruction: made on demand, see adhoc.go
)

// Point is a place where a frame can stop. Its number is its index in [Plan.Points].
type Point struct {
	Func uint32 // in the author's index space; an import's own for its thunk
	Kind Kind
	PC   uint32 // the instruction that runs next, as an offset in the Code section
	At   uint32 // the loop, call or bulk instruction itself, likewise

	Locals  []uint32       // live, ascending
	Stack   []wasm.ValType // when the frame goes on at PC, bottom first
	Results int            // how many values on top of Stack the call has returned

	// Counted says that returning from the call takes one from the budget.
	Counted bool
	// Callee is the type that the call returns through: of the function called.
	Callee uint32
	// Target is the function that a direct call calls, and -1 for an indirect one.
	Target int64

	// Rest, Ahead and Most are what Pace returns of an entry here.
	Rest, Ahead, Most uint32

	pos    int  // of the instruction in the body
	con    int  // construct that the way in is in: index in function.cons, or -1
	before bool // the way in ends before the instruction at pos, whatever that is
}

// Operands returns the value stack of a Host point that has yet to make its call:
// that of the frame, with the arguments on top.
func (p *Point) Operands(m *wasm.Module) []wasm.ValType {
	below := p.Stack[:len(p.Stack)-p.Results]
	return append(append([]wasm.ValType{}, below...), m.Types[p.Callee].Params...)
}

// Entry is a way into a resume function.
type Entry struct {
	Point  int
	Before bool // of a Host point: the call is still to be made
}

// Plan is what has been found out about a module before it is rewritten: which
// functions can stop, where, and what is alive there. But for points made on demand it is
// not changed after [Analyze]. It is safe for concurrent use.
type Plan struct {
	Module *wasm.Module
	Points []Point

	TableWrites bool // the module writes a table, or another module can
	references  bool // function references occur outside tables that nobody writes
	externs     bool // a reference of the host's can be in a frame

	ext    *wasm.Module  // Module with the thunks among its functions
	types  wasm.Machines // of ext
	fns    []function    // of ext
	taken  []uint32      // functions that references can name, ascending
	tails  tails
	exn    exceptions
	lay    layout
	blocks func(uint32) bool // whether the imported function is blocking
	nimp   uint32            // how many functions are imported
	link   *Link
	spaces *spaces
	// exported lists the functions that other modules of the guest can import, and
	// refImports those of theirs that this one refers to, both ascending.
	exported, refImports []uint32
	// typeSuspends says, for each type, whether an indirect call through it can suspend.
	typeSuspends []bool

	placed int // data segments that the host sees to
	count  bool
	values atomic.Int64 // of all points: see maxValues
	more   adHoc
}

// function is one function of Plan.ext.
type function struct {
	index    uint32 // in the author's index space
	typ      uint32
	locals   []wasm.ValType
	thunk    bool
	suspends bool
	instrs   int
	heavy    bool // each call in it is counted: see callgraph.go
	cons     []construct
	sites    []site
	writes   []write       // in order
	counted  map[edge]bool // branches back that need not count: see rounds.go
	first    int           // its first point
	asks     map[int]int   // points by position, where counting asks before an instruction
}

// Analyze decides how m, which must be valid, is made stoppable. It refuses what
// cannot be, by name and place. The module is kept and must not be changed.
func Analyze(m *wasm.Module, opt Options) (*Plan, error) {
	p := &Plan{Module: m, count: opt.Count, nimp: uint32(m.NumImportedFuncs()), link: opt.Link, placed: Placed(m, nil)}
	var err error
	if p.spaces, err = newSpaces(m, opt.Link); err != nil {
		return nil, err
	}
	p.blocks = func(i uint32) bool { return !p.linked(i) && opt.Blocking(p.funcImport(i)) }
	for i := range passes {
		if err := passes[i].run(p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Plan) funcImport(i uint32) wasm.Import { return p.spaces.funcs[i].Import }

func (p *Plan) imported() uint32 { return p.nimp }

// function returns the function, or the import's thunk, with an index of the
// author's index space, and nil if it has no code here.
func (p *Plan) function(index uint32) *function {
	if index >= p.imported() {
		i := index - p.imported()
		if int(i) >= len(p.Module.Funcs) {
			return nil
		}
		return &p.fns[i]
	}
	for i := len(p.Module.Funcs); i < len(p.fns); i++ {
		if p.fns[i].index == index {
			return &p.fns[i]
		}
	}
	return nil
}

// Lookup finds the entry at pc of a function, for a frame whose callee (by type)
// is still running when waiting, and which is the innermost one when not. Where two
// points share a pc they share the state there; the one before a host call is found
// first, so that whoever goes on there makes the call. A place that is no
// point becomes one: any instruction that can be reached, and behind a call when waiting.
func (p *Plan) Lookup(fn, pc uint32, waiting bool) (Entry, error) {
	f := p.function(fn)
	if f == nil {
		return Entry{}, fmt.Errorf("function %d is not one of the module's, which has %d", fn, int(p.imported())+len(p.Module.Funcs))
	}
	if en, ok := p.find(f, pc, waiting); ok {
		return en, nil
	}
	if err := p.Add(fn, pc); err != nil {
		return Entry{}, err
	}
	if en, ok := p.findAdHoc(fn, pc, waiting); ok {
		return en, nil
	}
	return Entry{}, p.noPoint(f, pc, waiting)
}

// IsPoint reports whether Lookup finds an entry without making it.
func (p *Plan) IsPoint(fn, pc uint32, waiting bool) bool {
	f := p.function(fn)
	if f == nil {
		return false
	}
	_, ok := p.find(f, pc, waiting)
	return ok
}

// find is Lookup among the points that there are.
func (p *Plan) find(f *function, pc uint32, waiting bool) (Entry, bool) {
	found := Entry{Point: -1}
	for i := f.first; i < len(p.Points) && p.Points[i].Func == f.index; i++ {
		switch pt := &p.Points[i]; {
		case pt.Kind == Host && pt.At == pc && !waiting:
			return Entry{Point: i, Before: true}, true
		case found.Point < 0 && pt.PC == pc && !(waiting && pt.Kind != Call):
			found.Point = i
		}
	}
	if found.Point >= 0 {
		return found, true
	}
	return p.findAdHoc(f.index, pc, waiting)
}

func (p *Plan) noPoint(f *function, pc uint32, waiting bool) error {
	name := p.Module.FuncName(f.index)
	if f.thunk {
		return fmt.Errorf("pc %d of imported function %d (%s) is not a point of it", pc, f.index, name)
	}
	src := &p.Module.Funcs[f.index-p.imported()]
	if pc < src.Offset || pc >= src.Offset+uint32(len(src.Body)) {
		return fmt.Errorf("pc 0x%x is outside function %d (%s), whose code is at 0x%x to 0x%x",
			pc, f.index, name, src.Offset, src.Offset+uint32(len(src.Body)))
	}
	r := wasm.NewReader(p.Module, src.Body)
	var in wasm.Instr
	for {
		ok, err := r.Next(&in)
		if !ok || err != nil {
			return fmt.Errorf("pc 0x%x: function %d (%s) cannot be read there: %v", pc, f.index, name, err)
		}
		at := src.Offset + uint32(in.Pos)
		if pc == at {
			why := "can never be reached"
			if waiting {
				why = "is not behind a call, and a frame waits there"
			}
			return fmt.Errorf("pc 0x%x of function %d (%s), at %s, %s", pc, f.index, name, in.String(), why)
		}
		if pc < at+uint32(in.Len) {
			return fmt.Errorf("pc 0x%x of function %d (%s) is inside the instruction %s at 0x%x", pc, f.index, name, in.String(), at)
		}
	}
}

// Locals returns the types of a function's parameters and locals.
func (p *Plan) Locals(fn uint32) []wasm.ValType {
	if f := p.function(fn); f != nil {
		return f.locals
	}
	return nil
}

// each runs do for every function, on all processors, and returns the first error.
func (p *Plan) each(do func(f *function) error) error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	const batch = 64
	for lo := 0; lo < len(p.fns); lo += batch {
		part := p.fns[lo:min(lo+batch, len(p.fns))]
		g.Go(func() error {
			for i := range part {
				if err := do(&part[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}
