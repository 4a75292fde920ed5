package main

import (
	"crypto/sha256"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"sojourn/compat"
	"sojourn/snapshotfmt"
)

// childCommand is how the process of a guest is called. It has two pipes beside its
// streams: from descriptor 3 it reads one start and then orders, to 4 it writes answers,
// all as gob; the last answer is how the guest has ended.
const childCommand = "guest-process"

// start is what a guest is started with.
type start struct {
	Module    []byte
	Args, Env []string
	Last      []byte // checkpoint; empty for one that begins
	Waits     bool   // compile the module, answer, and read another start before it runs
}

type order int

const (
	orderHold order = iota // answer with the last checkpoint, and let the guest make no other
	orderStay              // let it go on
)

// answer is to an order, or Ended.
type answer struct {
	Last  []byte
	Err   string
	Ended *ended
}

// ended is how a guest has ended.
type ended struct {
	Exit uint32
	Err  string // empty when it ended by itself
}

func (e *ended) Error() string {
	if e.Err == "" {
		return fmt.Sprintf("exit code %d", e.Exit)
	}
	return e.Err
}

func (s *start) snapshot(last []byte, meta snapshotfmt.Meta) *compat.Snapshot {
	meta.Engine, meta.ISA, meta.Created = "wasmer", runtime.GOARCH, time.Now()
	return &compat.Snapshot{Meta: meta, Module: sha256.Sum256(s.Module), ModuleSize: uint64(len(s.Module)),
		Args: s.Args, Env: s.Env, Last: last}
}

// begin returns the start of a guest in a snapshot.
func begin(s *compat.Snapshot, module []byte) (start, error) {
	if d := sha256.Sum256(module); d != s.Module {
		return start{}, fmt.Errorf("snapshot is of another module: %x is needed, %x is given", s.Module, d)
	}
	return start{Module: module, Args: s.Args, Env: s.Env, Last: s.Last}, nil
}

// process is a guest's process, from the outside. hold, stay and end are for one
// goroutine at a time.
type process struct {
	cmd     *exec.Cmd
	pipe    *os.File
	orders  *gob.Encoder
	answers chan answer
	done    chan struct{} // closed when the process is gone
	result  *ended        // how; set before done is closed

	mu     sync.Mutex
	killed string // why the process was ended from here
}

// launch starts a guest in a process of its own.
func launch(s start, stdin io.Reader, stdout, stderr io.Writer) (*process, error) {
	if !available {
		return nil, errUnavailable
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ordersR, ordersW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	answersR, answersW, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, ordersR.Close(), ordersW.Close())
	}
	p := &process{cmd: exec.Command(self, childCommand), pipe: ordersW, orders: gob.NewEncoder(ordersW),
		answers: make(chan answer, 1), done: make(chan struct{})}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, stdout, stderr
	p.cmd.ExtraFiles = []*os.File{ordersR, answersW}
	p.cmd.SysProcAttr = apart()
	err = p.cmd.Start()
	_, _ = ordersR.Close(), answersW.Close()
	if err != nil {
		return nil, errors.Join(err, ordersW.Close(), answersR.Close())
	}
	go p.watch(answersR)
	if err := p.orders.Encode(s); err != nil {
		p.end()
		return nil, fmt.Errorf("start the guest's process: %w", err)
	}
	return p, nil
}

// watch reads answers until the process is gone.
func (p *process) watch(r *os.File) {
	defer close(p.done)
	defer r.Close()
	in := gob.NewDecoder(r)
	for {
		var a answer
		if in.Decode(&a) != nil {
			break
		}
		if a.Ended != nil {
			p.result = a.Ended
			continue
		}
		p.answers <- a
	}
	err := p.cmd.Wait()
	_ = p.pipe.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.killed != "":
		p.result = &ended{Err: p.killed}
	case p.result == nil:
		p.result = &ended{Err: fmt.Sprintf("the guest's process ended without a word: %v", err)}
	}
}

// compiled waits until the module of a guest that waits is compiled.
func (p *process) compiled() error {
	_, err := p.answer()
	return err
}

// begin runs a guest that waits.
func (p *process) begin(s start) {
	s.Module, s.Waits = nil, false
	_ = p.orders.Encode(s) // a process that is gone has a result
}

// hold returns the last checkpoint; until stay the guest makes no other.
func (p *process) hold() ([]byte, error) {
	if err := p.orders.Encode(orderHold); err != nil {
		<-p.done
		return nil, fmt.Errorf("guest is gone: %w", p.result)
	}
	return p.answer()
}

// answer waits for the answer to an order.
func (p *process) answer() ([]byte, error) {
	select {
	case a := <-p.answers:
		if a.Err != "" {
			return nil, errors.New(a.Err)
		}
		return a.Last, nil
	case <-p.done:
		return nil, fmt.Errorf("guest is gone: %w", p.result)
	}
}

func (p *process) stay() { _ = p.orders.Encode(orderStay) }

// end ends the guest now, wherever it is.
func (p *process) end() { p.endAs(compat.ErrMoved.Error()) }

func (p *process) endAs(why string) {
	p.mu.Lock()
	p.killed = why
	p.mu.Unlock()
	_ = p.cmd.Process.Kill()
	<-p.done
}

// child is the guest's process.
func child() error {
	orders, answers := gob.NewDecoder(os.NewFile(3, "orders")), os.NewFile(4, "answers")
	var s start
	if err := orders.Decode(&s); err != nil {
		return fmt.Errorf("%s is for sojourn-wasmer itself to call: %w", childCommand, err)
	}
	var mu sync.Mutex
	out := gob.NewEncoder(answers)
	say := func(a answer) {
		mu.Lock()
		defer mu.Unlock()
		_ = out.Encode(a)
	}
	run, err := load(s)
	if s.Waits {
		say(answer{Err: text(err)})
		s = start{}
		if err := orders.Decode(&s); err != nil {
			return err
		}
	}
	if err != nil {
		say(answer{Ended: &ended{Err: err.Error()}})
		return err
	}
	v := compat.Arrived(s.Last)
	go obey(orders, v, say)
	exit, err := run(s, v, func(err error) { // which is called inside Wasmer, and must not return to it
		say(answer{Ended: &ended{Err: err.Error()}})
		os.Exit(1)
	})
	e := ended{exit, text(err)}
	say(answer{Ended: &e})
	return &e
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// runner runs a guest whose module is compiled to its end. What its calls do wrong is given to
// fail, which does not return.
type runner func(s start, v *compat.Vector, fail func(error)) (exit uint32, err error)

// obey follows orders until there are no more, which is when the parent is gone.
func obey(orders *gob.Decoder, v *compat.Vector, say func(answer)) {
	decide := func(bool) {}
	for {
		var o order
		if orders.Decode(&o) != nil {
			os.Exit(1)
		}
		switch o {
		case orderHold:
			last, settle, err := v.Hold()
			if err != nil {
				say(answer{Err: err.Error()})
				continue
			}
			decide = settle
			say(answer{Last: last})
		case orderStay:
			decide(false)
			decide = func(bool) {}
		}
	}
}
