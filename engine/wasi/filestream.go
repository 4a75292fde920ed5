package wasi

import (
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// fileStream is a stream on a file of the host. A goroutine, started by the first
// wish to read, reads ahead into a bounded queue; writes go straight to the file.
type fileStream struct {
	file     *os.File
	terminal bool
	in       *queue

	pump sync.Once
	stop chan struct{}
	done chan struct{} // closed when the goroutine has ended; nil if it never began
}

// FromFile returns a stream on f, as os.Stdin or os.Stdout. Input is read ahead, up
// to [StreamBuffer] bytes; what the guest has not read is saved. Output is written at
// once, and waits as long as f does.
//
// Close does not close f. A read of f that is under way then goes on in the
// background where the system cannot interrupt it, as for a terminal; what it reads
// is lost.
func FromFile(f *os.File) Stream {
	s := &fileStream{file: f, in: newQueue(StreamBuffer), stop: make(chan struct{})}
	// A file that is closed has no descriptor: its reads and writes will tell.
	_ = control(f, func(fd int) error { s.terminal = term.IsTerminal(fd); return nil })
	return s
}

func (s *fileStream) Read(p []byte) (int, error) {
	s.start()
	return s.in.read(p)
}

func (s *fileStream) Readable() <-chan struct{} {
	s.start()
	return s.in.readable()
}

func (s *fileStream) start() {
	s.pump.Do(func() {
		s.done = make(chan struct{})
		go s.fill()
	})
}

// fill reads the file until its end, an error, or Close.
func (s *fileStream) fill() {
	defer close(s.done)
	buf := make([]byte, 8<<10)
	for {
		select {
		case <-s.stop:
			return
		case <-s.in.writable():
		}
		n, err := s.file.Read(buf)
		if !s.put(buf[:n]) {
			return
		}
		if err != nil {
			s.in.end()
			return
		}
	}
}

// put puts all of p into the queue, and reports whether it could before Close.
func (s *fileStream) put(p []byte) bool {
	for len(p) > 0 {
		n, err := s.in.write(p)
		p = p[n:]
		if err == nil {
			continue
		}
		if err != ErrAgain {
			return false
		}
		select {
		case <-s.stop:
			return false
		case <-s.in.writable():
		}
	}
	return true
}

func (s *fileStream) Write(p []byte) (int, error) { return s.file.Write(p) }

// always is closed: a file takes what is written to it.
var always = func() chan struct{} {
	ch := make(chan struct{})
	close(ch)
	return ch
}()

func (s *fileStream) Writable() <-chan struct{} { return always }
func (s *fileStream) Buffered() int             { return s.in.len() }
func (s *fileStream) IsTerminal() bool          { return s.terminal }

func (s *fileStream) Save() []byte {
	var st StreamState
	st.Input, st.InputEnd = s.in.state()
	return st.Append(nil)
}

// Load puts unread input before the file's own, and sends unsent output. Input that
// had ended stays ended: the file is not read.
func (s *fileStream) Load(p []byte) error {
	st, err := ParseStreamState(p)
	if err != nil {
		return err
	}
	s.in.restore(st.Input, st.InputEnd)
	if st.InputEnd {
		s.pump.Do(func() {})
	}
	if len(st.Output) > 0 {
		_, err = s.file.Write(st.Output)
	}
	return err
}

// Close stops reading ahead, and waits for that where the file can be interrupted.
func (s *fileStream) Close() error {
	s.pump.Do(func() {})
	select {
	case <-s.stop:
		return nil
	default:
		close(s.stop)
	}
	s.in.end()
	if s.done == nil {
		return nil
	}
	if err := s.file.SetReadDeadline(time.Unix(1, 0)); err != nil {
		return nil // a read cannot be interrupted
	}
	<-s.done
	return s.file.SetReadDeadline(time.Time{})
}
