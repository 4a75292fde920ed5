package interp

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sojourn/interp/gen"
	"sojourn/interp/wasm"
)

var (
	genSeed     = flag.Uint64("seed", 0, "seed of the generated programs; 0 is the time")
	genFirst    = flag.Uint64("first", 0, "number of the first generated program")
	genPrograms = flag.Uint64("programs", 0, "how many programs to generate; 0 is as many as -duration lets")
	genShrink   = flag.Bool("shrink", true, "make a program that differs smaller")
	genDuration = flag.Duration("duration", 15*time.Second, "how long to generate programs")
)

// TestOnceWrong runs generated programs that once differed, and programs of a kind that
// is seldom generated.
func TestOnceWrong(t *testing.T) {
	files, err := filepath.Glob("testdata/oncewrong/*.wasm")
	if err != nil || len(files) == 0 {
		t.Fatalf("no programs in testdata/oncewrong: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := wasm.Decode(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for luck := range uint64(4) {
			if err := differ(t.Context(), m, luck, &tally{}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestGenerated runs random programs, undisturbed and frozen all the time, and holds
// them to what they do on plain wazero. A long run:
//
//	go test ./interp -run 'TestGenerated$' -duration 1h -timeout 0
func TestGenerated(t *testing.T) {
	seed := *genSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with: go test ./interp -run 'TestGenerated$' -seed %d", seed)
	var n tally
	start := time.Now()
	for i := *genFirst; ; i++ {
		if done := i - *genFirst; *genPrograms > 0 && done >= *genPrograms ||
			*genPrograms == 0 && time.Since(start) > *genDuration {
			break
		}
		choices := gen.Bytes(seed, i)
		err := made(t.Context(), choices, &n)
		switch {
		case errors.Is(err, errApart):
			t.Logf("program %d: %v", i, err)
		case err != nil:
			t.Errorf("program %d: %v\nrepeat with: go test ./interp -run 'TestGenerated$' -seed %d -first %d -programs 1", i, err, seed, i)
			if *genShrink {
				explain(t, choices)
			}
			return
		}
	}
	t.Logf("%d programs in %v: %d runs, %d freezes; %d trap, %d refused; wazero's engines differ on %d",
		n.programs, time.Since(start).Round(time.Second), n.runs, n.freezes, n.traps, n.refused, n.apart)
	if *genPrograms == 0 && n.freezes == 0 {
		t.Error("nothing was ever frozen")
	}
}

// made is differ of the program that choices make.
func made(ctx context.Context, choices []byte, n *tally) error {
	return differ(ctx, gen.Make(choices).Module, uint64(len(choices)), n)
}

// shrinkTime bounds how long a program is made smaller.
const shrinkTime = time.Minute

// explain makes a program that differs smaller, prints it, and keeps it as a module.
func explain(t *testing.T, choices []byte) {
	wrong := func(b []byte) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return made(ctx, b, &tally{})
	}
	start := time.Now()
	small := gen.Shrink(choices, func(b []byte) bool {
		if time.Since(start) > shrinkTime {
			return false
		}
		err := wrong(b)
		return err != nil && !errors.Is(err, errApart)
	})
	m := gen.Make(small).Module
	t.Logf("made smaller: %v\nchoices %q\n%s", wrong(small), small, gen.Text(m))
	file := filepath.Join(t.ArtifactDir(), "smaller.wasm")
	if err := os.WriteFile(file, m.Encode(), 0o666); err != nil {
		t.Error(err)
	}
	t.Logf("-artifacts keeps it as %s", file)
}

func FuzzGenerated(f *testing.F) {
	for i := range uint64(8) {
		f.Add(gen.Bytes(1, i))
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		if len(choices) > 4<<10 {
			return
		}
		if err := made(t.Context(), choices, &tally{}); err != nil && !errors.Is(err, errApart) {
			t.Errorf("%v\n%s", err, gen.Text(gen.Make(choices).Module))
		}
	})
}
