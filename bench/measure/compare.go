package measure

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Figures of a sample that can be compared.
func CPU(s Sample) time.Duration  { return s.CPU }
func Wall(s Sample) time.Duration { return s.Wall }

// Compare is a figure on plain wazero, of the movable program, and the ratio.
type Compare struct {
	Plain   float64 `json:"plain"`
	Movable float64 `json:"movable"`
	Ratio   float64 `json:"ratio"`
}

// Pairs compares one figure of pairs of runs: the median of each side in milliseconds, and the
// median of the ratios.
func Pairs(plain, movable []Sample, figure func(Sample) time.Duration) Compare {
	var a, b, r []float64
	for i := range plain {
		a = append(a, Millis(figure(plain[i])))
		b = append(b, Millis(figure(movable[i])))
		r = append(r, ratio(b[i], a[i]))
	}
	return Compare{median(a), median(b), median(r)}
}

// Least compares the least of each side, in milliseconds: the runs that were disturbed least.
func Least(plain, movable []Sample, figure func(Sample) time.Duration) Compare {
	return Once(least(plain, figure), least(movable, figure))
}

func least(s []Sample, figure func(Sample) time.Duration) float64 {
	d := figure(slices.MinFunc(s, func(a, b Sample) int { return cmp.Compare(figure(a), figure(b)) }))
	return Millis(d)
}

// Once compares two figures.
func Once(plain, movable float64) Compare { return Compare{plain, movable, ratio(movable, plain)} }

// Millis returns d in milliseconds, to the microsecond.
func Millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Mean returns the geometric mean of ratios that are above 0, 0 when there are none.
func Mean(ratios []float64) float64 {
	var sum float64
	for _, r := range ratios {
		sum += math.Log(r)
	}
	if len(ratios) == 0 {
		return 0
	}
	return math.Exp(sum / float64(len(ratios)))
}

// ratio returns a over b, 0 when there is none.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func median[T cmp.Ordered](v []T) T {
	s := slices.Sorted(slices.Values(v))
	return s[(len(s)-1)/2]
}
