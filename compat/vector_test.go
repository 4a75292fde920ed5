package compat

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
)

// tries is how often TestNeverTorn looks.
const tries = 10_000

// memory returns a memory with a vector of n elements at 64, each of them k.
func memory(n int, k uint32) []byte {
	m := make([]byte, 1<<16)
	for i := range n {
		binary.LittleEndian.PutUint32(m[64+4*i:], k)
	}
	return m
}

func call(mem []byte, n int) Call { return Call{Memory: mem, Ptr: 64, Len: uint32(n), Size: 4} }

// TestNeverTorn takes and moves the vector of a guest that goes on making checkpoints:
// all elements of what is taken are of one checkpoint, and none is older than one taken
// before.
func TestNeverTorn(t *testing.T) {
	const n = 257
	var v Vector
	var guest sync.WaitGroup
	stop := make(chan struct{})
	guest.Go(func() {
		mem := make([]byte, 1<<16)
		for k := uint32(1); ; k++ {
			copy(mem, memory(n, k))
			if v.Checkpoint(call(mem, n)) != nil {
				return
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	before := uint32(0)
	for i := 0; i < tries || before < 100; i++ { // until the guest has been given a turn
		last := v.Last()
		if i%2 == 1 {
			held, decide, err := v.Hold()
			if err != nil {
				t.Fatal(err)
			}
			if later := v.Last(); !bytes.Equal(later, held) {
				t.Fatalf("try %d: a checkpoint was made while a move was being decided", i)
			}
			decide(false)
			last = held
		}
		if len(last) == 0 {
			continue
		}
		k := binary.LittleEndian.Uint32(last)
		if k < before || !bytes.Equal(last, memory(n, k)[64:64+4*n]) {
			t.Fatalf("try %d: checkpoint %d after %d, or a torn one: % x", i, k, before, last)
		}
		before = k
	}
	close(stop)
	guest.Wait()
}

// TestThreeCases asks for a move before, during and after a checkpoint, which is held up
// in the middle of its copy.
func TestThreeCases(t *testing.T) {
	for _, c := range []struct {
		name string
		want uint32 // the checkpoint that travels
	}{{"before", 1}, {"during", 2}, {"after", 2}} {
		t.Run(c.name, func(t *testing.T) { threeCases(t, c.name, c.want) })
	}
}

func threeCases(t *testing.T, when string, want uint32) {
	const n = 8
	var v Vector
	if err := v.Checkpoint(call(memory(n, 1), n)); err != nil {
		t.Fatal(err)
	}
	type move struct {
		last   []byte
		decide func(bool)
	}
	asked := make(chan move, 1)
	ask := func() {
		last, decide, err := v.Hold()
		if err != nil {
			t.Error(err)
		}
		asked <- move{last, decide}
	}
	if when == "before" {
		ask()
	}
	middle, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	v.half = func() { close(middle); <-goOn; v.half = nil }
	go func() { done <- v.Checkpoint(call(memory(n, 2), n)) }()
	if when != "before" {
		<-middle
	}
	if when == "during" {
		go ask()
	}
	time.Sleep(20 * time.Millisecond) // for what must not happen now
	if when == "during" && len(asked) > 0 {
		t.Error("the move did not wait for the checkpoint")
	}
	if when == "before" && v.held == nil || len(done) > 0 {
		t.Error("a checkpoint was made while the move was being decided")
	}
	close(goOn)
	if when == "after" {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		done <- nil
		ask()
	}
	m := <-asked
	if !bytes.Equal(m.last, memory(n, want)[64:64+4*n]) {
		t.Errorf("checkpoint % x travels, want the one of %ds", m.last, want)
	}
	m.decide(true)
	if err := <-done; (when == "before") != errors.Is(err, ErrMoved) {
		t.Errorf("the second checkpoint: %v", err)
	}
	if err := v.Checkpoint(call(memory(n, 3), n)); !errors.Is(err, ErrMoved) {
		t.Errorf("a checkpoint after the move: %v, want that the guest has moved", err)
	}
}

// TestStay: a move that fails leaves a guest that goes on, and can be asked to move again.
func TestStay(t *testing.T) {
	var v Vector
	_, decide, err := v.Hold()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.Hold(); !errors.Is(err, ErrHeld) {
		t.Errorf("two moves at a time: %v", err)
	}
	stop := make(chan struct{})
	close(stop)
	c := call(memory(1, 1), 1)
	c.Stop = stop
	if err := v.Checkpoint(c); !errors.Is(err, ErrStopped) {
		t.Errorf("told to stop: %v", err)
	}
	decide(false)
	if err := v.Checkpoint(call(memory(1, 1), 1)); err != nil {
		t.Error(err)
	}
	last, decide, err := v.Hold()
	if err != nil || len(last) != 4 {
		t.Fatal(last, err)
	}
	decide(true)
}

// TestHostile: what a guest gets wrong is an error, and what was kept stays.
func TestHostile(t *testing.T) {
	mem := memory(4, 7)
	edge := uint32(len(mem))
	for _, c := range []struct {
		name string
		call Call
		want error
	}{
		{"negative length", Call{Memory: mem, Ptr: 64, Len: math.MaxUint32, Size: 4}, ErrBounds},
		{"most negative length", Call{Memory: mem, Ptr: 64, Len: 1 << 31, Size: 4}, ErrBounds},
		{"length whose bytes wrap around", Call{Memory: mem, Ptr: 64, Len: 1<<30 + 1, Size: 4}, ErrBounds},
		{"negative pointer", Call{Memory: mem, Ptr: math.MaxUint32, Len: 1, Size: 4}, ErrBounds},
		{"one byte over the edge", Call{Memory: mem, Ptr: edge - 3, Len: 1, Size: 4}, ErrBounds},
		{"behind the edge", Call{Memory: mem, Ptr: edge, Len: 1, Size: 1}, ErrBounds},
		{"pointer and length wrap around", Call{Memory: mem, Ptr: math.MaxUint32, Len: math.MaxUint32, Size: 1}, ErrBounds},
		{"no elements", Call{Memory: mem, Ptr: 64, Size: 4}, ErrLength},
		{"no elements at the edge", Call{Memory: mem, Ptr: edge, Size: 4}, ErrLength},
		{"no memory", Call{Ptr: 64, Len: 1, Size: 4}, ErrNoMemory},
		{"memory of no pages", Call{Memory: []byte{}, Len: 1, Size: 4}, ErrBounds},
		{"too large", Call{Memory: make([]byte, MaxVector+1), Len: MaxVector + 1, Size: 1}, ErrLength},
	} {
		v := Arrived([]byte{1, 2, 3, 4})
		for name, f := range map[string]func(Call) error{"checkpoint": v.Checkpoint, "restore": v.Restore} {
			err := f(c.call)
			if !errors.Is(err, c.want) || !strings.HasPrefix(err.Error(), name+": ") {
				t.Errorf("%s, %s: %v, want %v", c.name, name, err, c.want)
			}
		}
		if last := v.Last(); !bytes.Equal(last, []byte{1, 2, 3, 4}) {
			t.Errorf("%s: the last checkpoint is % x now", c.name, last)
		}
		if !bytes.Equal(mem, memory(4, 7)) {
			t.Fatalf("%s: memory was written", c.name)
		}
	}
}

func TestRestore(t *testing.T) {
	mem := memory(4, 7)
	v := Arrived(memory(3, 9)[64:76])
	for _, n := range []int{4, 2} {
		if err := v.Restore(call(mem, n)); !errors.Is(err, ErrLength) || !strings.Contains(err.Error(), "12 bytes") {
			t.Errorf("%d elements of 3: %v", n, err)
		}
	}
	if err := v.Restore(Call{Memory: mem, Ptr: uint32(len(mem) - 12), Len: 12, Size: 1}); err != nil {
		t.Errorf("up to the edge, in bytes: %v", err)
	}
	if !bytes.Equal(mem[len(mem)-12:], memory(3, 9)[64:76]) {
		t.Error("the vector was not written")
	}
	if err := v.Restore(call(mem, 3)); !errors.Is(err, ErrRestored) {
		t.Errorf("twice: %v", err)
	}
}

// TestNothingToRestore: a guest that begins keeps its own values.
func TestNothingToRestore(t *testing.T) {
	mem := memory(4, 7)
	var v Vector
	if err := v.Restore(call(mem, 4)); err != nil || !bytes.Equal(mem, memory(4, 7)) {
		t.Errorf("restore of nothing: %v, or memory was written", err)
	}
	if err := v.Restore(call(mem, 4)); !errors.Is(err, ErrRestored) {
		t.Errorf("twice: %v", err)
	}
}

// TestSave: what follows a guest that is moved between two instructions.
func TestSave(t *testing.T) {
	var v Vector
	if b := v.Save(); len(b) != 0 {
		t.Errorf("a guest that calls neither function saves % x", b)
	}
	for _, steps := range []func(){
		func() { _ = v.Restore(call(memory(4, 7), 4)) },
		func() { _ = v.Checkpoint(call(memory(4, 7), 4)) },
	} {
		steps()
		var w Vector
		if err := w.Load(v.Save()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(w.Last(), v.Last()) || !errors.Is(w.Restore(call(memory(4, 7), 4)), ErrRestored) {
			t.Error("not the same after Save and Load")
		}
	}
	for _, bad := range [][]byte{{0}, {2}, {2, 1}} {
		if err := v.Load(bad); err == nil {
			t.Errorf("Load(% x) is taken", bad)
		}
	}
}
