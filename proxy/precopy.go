package proxy

import "time"

// Pass is one round of pre-copy that is over.
type Pass struct {
	Bytes int64 // of memory, not of the wire
	Took  time.Duration
}

// Copying is what is known when a round is over.
type Copying struct {
	Passes    []Pass
	Left      int64         // bytes of memory written meanwhile
	Aim       time.Duration // of the downtime
	MaxRounds int
	Compiled  bool // the target could run the guest now
}

// Decision is what to do next: freeze, wait for the target to compile, or
// copy another round.
type Decision struct {
	Freeze bool
	Wait   bool
	Reason string
}

// shrinks is how much smaller a round must be than the one before it.
const shrinks = 0.9

// Decide says whether to go on copying while the guest runs. Freezing never
// comes before the target has compiled; until then, a guest that would be
// frozen is only waited for.
func Decide(c Copying) Decision {
	why := c.enough()
	switch {
	case why == "":
		return Decision{Reason: "what is left takes longer than the downtime aimed at"}
	case !c.Compiled:
		return Decision{Wait: true, Reason: "the target is compiling"}
	}
	return Decision{Freeze: true, Reason: why}
}

func (c Copying) enough() string {
	n := len(c.Passes)
	switch {
	case c.Left == 0:
		return "nothing is left"
	case n > 0 && c.Predicted() <= c.Aim:
		return "what is left fits the downtime aimed at"
	case n >= c.MaxRounds:
		return "the rounds are used up"
	case n > 1 && float64(c.Left) > shrinks*float64(c.Passes[n-1].Bytes):
		return "rounds no longer shrink"
	}
	return ""
}

// Bandwidth is what the rounds so far have achieved, in bytes of memory a
// second.
func (c Copying) Bandwidth() float64 {
	var bytes int64
	var took time.Duration
	for _, p := range c.Passes {
		bytes += p.Bytes
		took += p.Took
	}
	if took <= 0 {
		return 0
	}
	return float64(bytes) / took.Seconds()
}

// Predicted is how long what is left would take.
func (c Copying) Predicted() time.Duration {
	bw := c.Bandwidth()
	if bw == 0 {
		return 1<<63 - 1
	}
	return time.Duration(float64(c.Left) / bw * float64(time.Second))
}

// DirtyRate is how fast the guest wrote during the last round, in bytes of
// memory a second.
func (c Copying) DirtyRate() float64 {
	n := len(c.Passes)
	if n == 0 || c.Passes[n-1].Took <= 0 {
		return 0
	}
	return float64(c.Left) / c.Passes[n-1].Took.Seconds()
}
