package main

// mutant is one fault: in file, what stands in place of old.
type mutant struct {
	name, what string
	file       string
	old, new   string
}

const (
	emit     = "interp/rewrite/emit.go"
	transfer = "interp/rewrite/transfer.go"
	cons     = "interp/rewrite/constructs.go"
	ways     = "interp/rewrite/ways.go"
	live     = "interp/rewrite/liveness.go"
	points   = "interp/rewrite/points.go"
	calls    = "interp/rewrite/callgraph.go"
	helpers  = "interp/rewrite/helpers.go"
	bulk     = "interp/rewrite/bulk.go"
	layout   = "interp/rewrite/layout.go"
	scan     = "interp/rewrite/scan.go"
	plan     = "interp/rewrite/plan.go"
	ask      = "interp/ask.go"
	budget   = "interp/rewrite/budget.go"
	run      = "interp/run.go"
	frames   = "interp/frames.go"
	state    = "interp/state.go"
)

var mutants = []mutant{
	{"dropped-spill", "the value stack is taken to be in its slots when the top value is not", emit,
		"e.forget(low)\n\treturn nil", "e.forget(low + 1)\n\treturn nil"},
	{"call-keeps-slots", "results of a call are taken to be in the slots of its arguments", emit,
		"e.forget(len(e.x.Stack()) - pops)", "e.forget(len(e.x.Stack()) - 0*pops)"},
	{"wrong-slot", "the frame is handed over from the slots one lower", transfer,
		"\t\t\tfrom = e.slot(height, t)\n", "\t\t\tfrom = e.slot(max(height-1, 0), t)\n"},
	{"restore-order", "a restored value goes into the slot one higher", transfer,
		"\t\t\tto = e.slot(height, t)\n", "\t\t\tto = e.slot(height+1, t)\n"},
	{"vector-half", "both halves of a vector are its lower one", transfer,
		"e.out = append(e.out, byte(lane))\n\t\t\tto(lane)", "e.out = append(e.out, 0)\n\t\t\tto(lane)"},
	{"float-convert", "a float travels as a number, and not as its bits", transfer,
		"e.op(wasm.OpI64ReinterpretF64)", "e.op(wasm.OpI64TruncSatF64S)"},
	{"sign-extended", "an i32 is handed over with its sign", transfer,
		"\tcase wasm.I32:\n\t\tget()\n\t\te.op(wasm.OpI64ExtendI32U)", "\tcase wasm.I32:\n\t\tget()\n\t\te.op(wasm.OpI64ExtendI32S)"},
	{"null-inverted", "a reference is null when it is not", transfer,
		"e.op(wasm.OpRefIsNull)\n\t\te.op(wasm.OpI64ExtendI32U)", "e.op(wasm.OpRefIsNull)\n\t\te.op(wasm.OpI32Eqz)\n\t\te.op(wasm.OpI64ExtendI32U)"},
	{"pc-of-the-call", "a frame that waits goes on at its call, and not behind it", points,
		"PC: base + uint32(in.Pos+in.Len)}", "PC: base + uint32(in.Pos)}"},
	{"pc-off-by-one", "the pc is one byte too far", points,
		"PC: base + uint32(in.Pos+in.Len)}", "PC: base + uint32(in.Pos+in.Len) + 1}"},
	{"results-forgotten", "a call returns one value fewer than it does", points,
		"pt.Results = len(p.Module.Types[pt.Callee].Results)", "pt.Results = max(len(p.Module.Types[pt.Callee].Results), 1) - 1"},
	{"results-twice", "results are on the frame's stack before the call returns them", frames,
		"f.Stack = f.Stack[:len(f.Stack)-pt.Results]\n\t}\n\tin.captured", "_ = pt.Results\n\t}\n\tin.captured"},
	{"live-through-tee", "a local that is read is dead when it is set later on", live,
		"lv.live[e.arg/64] &^= 1 << (e.arg % 64)", "lv.live[e.arg/64] &^= 3 << (e.arg % 64)"},
	{"live-not-round", "locals that the next iteration reads are dead at a loop's end", live,
		"\t\treturn lv.loops[o.con]\n", "\t\treturn make([]uint64, lv.words)\n"},
	{"live-not-br-table", "br_table goes to its first label only", live,
		"for _, l := range e.labels {", "for _, l := range e.labels[:1] {"},
	{"live-not-br-if", "a conditional branch is not taken", live,
		"union(lv.live, lv.target(e.arg))", "_ = lv.target(e.arg)"},
	{"skipped-count", "a recursive call takes nothing from the budget", calls,
		"g.p.fns[node].sites[edge].counted = true", "g.susp[node] = true"},
	{"missed-suspension", "an indirect call cannot suspend", points,
		"return Call, s.counted || p.typeSuspends[s.target]", "return Call, s.counted"},
	{"clock-not-written", "a loop that keeps the budget in a local asks without writing it back", budget,
		"e.flush()\n\te.spill(point)", "e.spill(point)"},
	{"clock-not-read", "a loop that keeps the budget in a local goes on with what it had", budget,
		"e.endBlock()\n\te.wind()", "e.endBlock()"},
	{"budget-not-restored", "a frame goes on with one point less than it is given", ask,
		"in.given = n\n\tin.setBudget(int32(n))", "in.given = n\n\tin.setBudget(max(int32(n)-1, 0))"},
	{"one-more-point", "a frame goes on with one point more than it is given", ask,
		"in.given = n\n\tin.setBudget(int32(n))", "in.given = n\n\tin.setBudget(int32(n) + 1)"},
	{"still-selected", "a frame that has arrived looks for its way in each loop", ways,
		"e.i32(0)\n\t\te.opU32(wasm.OpLocalSet, w.selected)", "_ = w.selected"},
	{"wrong-region", "the way into an inner loop is one number off", ways,
		"e.i32(int32(r.lo + r.direct))", "e.i32(int32(r.lo + r.direct + 1))"},
	{"wrong-way-in", "ways in are numbered from 0 in a region", ways,
		"e.i32(int32(r.lo + 1))", "e.i32(int32(r.lo))"},
	{"depth-into-region", "a branch in a resume function goes one label too far out", emit,
		"return uint32(len(e.labels) - 1 - e.where[l])", "if d := uint32(len(e.labels) - 1 - e.where[l]); e.ways == nil || d+1 >= uint32(len(e.labels)) {\n\t\treturn d\n\t} else {\n\t\treturn d + 1\n\t}"},
	{"loop-parameters", "the next round gets the parameters of the one before", budget,
		"e.opU32(wasm.OpLocalSet, e.slot(k.base+i, params[i]))", "e.op(wasm.OpDrop)"},
	{"if-not-inverted", "a split if runs the arm that it should not", cons,
		"\t\te.op(wasm.OpI32Eqz)\n\t\te.opU32(wasm.OpBrIf, e.depth(k.els))", "\t\te.opU32(wasm.OpBrIf, e.depth(k.els))"},
	{"dropped-flag", "nothing remembers that a segment was dropped", helpers,
		"wasm.AppendI32Const(nil, 1), at(wasm.OpGlobalSet", "wasm.AppendI32Const(nil, 0), at(wasm.OpGlobalSet"},
	{"dropped-other", "another segment's flag is set", helpers,
		"s.elem == (op.op == wasm.OpElemDrop)", "s.elem != (op.op == wasm.OpElemDrop)"},
	{"wrong-reference", "ref.func gives the function before", emit,
		"e.i32(int32(e.p.takenIndex(uint32(in.A))))", "e.i32(int32(max(e.p.takenIndex(uint32(in.A)), 1) - 1))"},
	{"no-thunk", "a reference to an import names the import", layout,
		"return p.imported() + 1 + uint32(p.ord(f))", "return i + 0*uint32(p.ord(f))"},
	{"bulk-forward", "an overlapping copy goes the same way, whatever overlaps", bulk,
		"e.op(wasm.OpI32LeU)\n\te.block(wasm.OpIf)", "e.op(wasm.OpI32Eq)\n\te.op(wasm.OpI32Eqz)\n\te.block(wasm.OpIf)"},
	{"bulk-not-advanced", "a fill that is cut begins where it began", bulk,
		"\t\te.copy()\n\t\te.add(dst, bulkChunk)\n\t}\n\te.add(n", "\t\te.copy()\n\t}\n\te.add(n"},
	{"host-call-twice", "an interrupted host call is captured as returned", frames,
		"f.entry.Before = true\n\tf.PC = pt.At", "f.PC = pt.PC"},
	{"host-call-counted-twice", "a call that is made again is counted again", run,
		"in.again = f.entry.Before", "in.again = false && f.entry.Before"},
	{"return-not-counted", "the return to a frame that waited as data is not counted", run,
		"in.points.Add(1)\n\tif in.given > 0 {\n\t\tin.given--\n\t}", "_ = in.given"},
	{"start-again", "the start function runs again after a thaw", state,
		"Started: in.phase == running", "Started: false && in.phase == running"},
	{"tables-kept", "what the module writes into tables stays behind", scan,
		"rf.any, rf.writes = true, true", "rf.any = true"},
}
