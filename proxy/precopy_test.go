package proxy

import (
	"testing"
	"time"
)

func TestDecide(t *testing.T) {
	pass := func(bytes int64, took time.Duration) Pass { return Pass{bytes, took} }
	const mb = 1 << 20
	for _, c := range []struct {
		name         string
		in           Copying
		freeze, wait bool
	}{
		{"idle guest", Copying{Passes: []Pass{pass(64*mb, time.Second)}, Compiled: true}, true, false},
		{"idle guest, target compiling", Copying{Passes: []Pass{pass(64*mb, time.Second)}}, false, true},
		{"no memory at all", Copying{Passes: []Pass{pass(0, time.Millisecond)}, Compiled: true}, true, false},
		{"rest fits", Copying{Passes: []Pass{pass(64*mb, time.Second)}, Left: 3 * mb, Compiled: true}, true, false},
		{"rest does not fit", Copying{Passes: []Pass{pass(64*mb, time.Second)}, Left: 4 * mb, Compiled: true}, false, false},
		{"shrinking", Copying{Passes: []Pass{pass(64*mb, time.Second), pass(32*mb, time.Second/2)}, Left: 16 * mb, Compiled: true}, false, false},
		{"not shrinking", Copying{Passes: []Pass{pass(64*mb, time.Second), pass(32*mb, time.Second/2)}, Left: 31 * mb, Compiled: true}, true, false},
		{"rounds used up", Copying{Passes: make([]Pass, 3), Left: 16 * mb, Compiled: true}, true, false},
		{"rounds used up, target compiling", Copying{Passes: make([]Pass, 3), Left: 16 * mb}, false, true},
		{"slow link", Copying{Passes: []Pass{pass(mb, 10*time.Second)}, Left: mb / 2, Compiled: true}, false, false},
	} {
		c.in.Aim, c.in.MaxRounds = 50*time.Millisecond, 3
		if d := Decide(c.in); d.Freeze != c.freeze || d.Wait != c.wait || d.Reason == "" {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
}
