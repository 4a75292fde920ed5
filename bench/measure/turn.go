package measure

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"
)

// Cost is what a run took. CPU is 0 where the system does not tell.
type Cost struct{ Wall, CPU time.Duration }

func (c Cost) add(d Cost) Cost { return Cost{c.Wall + d.Wall, c.CPU + d.CPU} }

// Stopwatch begins to measure; the function returned says what it took since.
func Stopwatch() func() Cost {
	wall, cpu := time.Now(), cpuTime()
	return func() Cost { return Cost{time.Since(wall), cpuTime() - cpu} }
}

// Sample is one run: what it took, and what it showed of itself.
type Sample struct {
	Cost
	Exit   uint32
	Output [sha256.Size]byte // the digest of what it printed
	Points uint64            // where it could have stopped, 0 on plain wazero
}

// Side is one way to run a guest.
type Side struct {
	Name string
	Run  func(context.Context) (Sample, error)
}

// DifferError says that the two sides of a comparison did not do the same.
type DifferError struct {
	A, B             string // the sides
	SampleA, SampleB Sample
}

func (e *DifferError) Error() string {
	return fmt.Sprintf("%s it ends with %d and output %x, %s with %d and %x",
		e.B, e.SampleB.Exit, e.SampleB.Output[:6], e.A, e.SampleA.Exit, e.SampleA.Output[:6])
}

// InTurn runs the first side, the second and so on, all of that runs times, and returns the
// samples of each. All must show the same.
func InTurn(ctx context.Context, runs int, sides ...Side) ([][]Sample, error) {
	all := make([][]Sample, len(sides))
	for i := range runs {
		for j, side := range sides {
			s, err := alone(ctx, side)
			if err != nil {
				return nil, fmt.Errorf("run %d, %s: %w", i+1, side.Name, err)
			}
			if first := all[0]; i+j > 0 && (s.Exit != first[0].Exit || s.Output != first[0].Output) {
				return nil, fmt.Errorf("run %d: %w", i+1, &DifferError{sides[0].Name, side.Name, first[0], s})
			}
			all[j] = append(all[j], s)
		}
	}
	return all, nil
}

// alone runs a side while this process does nothing else: what is garbage is collected before,
// and what the run leaves, after it.
func alone(ctx context.Context, side Side) (Sample, error) {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	return side.Run(ctx)
}
