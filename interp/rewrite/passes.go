package rewrite

// pass is a step of Analyze.
type pass struct {
	name string
	run  func(*Plan) error
	uses []string // passes before it whose findings it reads
}

// passes are the steps of Analyze, in order: the package comment says what each finds,
// and where it is.
var passes = [...]pass{
	{"scan", (*Plan).scan, nil},
	{"thunks", (*Plan).addThunks, []string{"scan"}},
	{"call graph", surely((*Plan).callGraph), []string{"scan", "thunks"}},
	{"rounds", surely((*Plan).rounds), []string{"scan", "thunks", "call graph"}},
	{"points", (*Plan).findPoints, []string{"scan", "thunks", "call graph", "rounds"}},
	{"layout", surely((*Plan).findLayout), []string{"scan", "thunks", "rounds", "points"}},
}

// surely makes a step of what refuses no module.
func surely(run func(*Plan)) func(*Plan) error {
	return func(p *Plan) error {
		run(p)
		return nil
	}
}

func (p *Plan) findLayout() { p.lay = p.newLayout() }
