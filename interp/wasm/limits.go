package wasm

// Every bound on what a module may ask for. Unless a comment says otherwise
// they are the JavaScript API's implementation limits, which toolchains stay
// under, so that a module that runs in a browser is accepted here.
// A count is held against the bytes that are left as well: n items need at
// least n bytes, whatever their limit.
const (
	MaxModuleSize = 1 << 30   // bytes
	MaxTypes      = 1_000_000 // function types
	MaxImports    = 1_000_000
	MaxExports    = 1_000_000
	MaxFuncs      = 1_000_000 // imported and defined
	MaxGlobals    = 1_000_000 // imported and defined
	MaxElems      = 10_000_000
	MaxElemInits  = 10_000_000 // entries of one element segment
	MaxDatas      = 100_000
	MaxTables     = 100_000   // imported and defined
	MaxMemories   = 1         // multi-memory came after 2.0
	MaxTags       = 1_000_000 // imported and defined
	MaxCatches    = 10_000    // clauses of one try_table
	MaxParams     = 1_000
	MaxResults    = 1_000
	MaxLocals     = 50_000    // of one function, with its parameters
	MaxBodySize   = 7_654_321 // bytes of one function, with its local declarations
	MaxNameLen    = 100_000   // bytes of a name
	MaxBrTable    = 1_000_000 // br_table targets, the default not counted

	// MaxCustoms bounds custom sections: each is two bytes of input at
	// least but some 80 of ours.
	MaxCustoms = 100_000

	// MaxMemoryPages is the whole of a 32-bit address space.
	MaxMemoryPages = 1 << 16

	// MaxTableSize bounds the elements that a table starts with: wazero
	// refuses more, since it allocates 8 bytes for each at once. A table's
	// maximum is not bounded; growth is the engine's to limit.
	MaxTableSize = 10_000_000

	// MaxNesting bounds open blocks in a function. Compilers recurse on
	// nesting, and a body of MaxBodySize could open three million. Real
	// code stays under a thousand; a br_table interpreter gets its depth
	// from its number of cases.
	MaxNesting = 50_000

	// MaxStack bounds the operand stack of a function, in values. A body can
	// push MaxResults values with a three-byte call.
	MaxStack = 1_000_000

	// MaxConstExpr bounds the bytes of a constant expression. Compilers emit
	// a base and an offset to add to it.
	MaxConstExpr = 4096
)
