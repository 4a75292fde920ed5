package session

import (
	"errors"
	"sync"
	"testing"

	"sojourn/engine/wasi"
)

// TestReadyMeansReady has sessions, seals and attachments change all the time while a guest
// asks whether it can accept and read: a channel that is closed says that it can. One that
// was closed for another reason would leave a guest waiting in the accept for ever.
func TestReadyMeansReady(t *testing.T) {
	h := NewHub(Config{Name: "l", Kind: TCP, Epoch: 1})
	first := h.add(state{ID: random16(), Mode: Raw, Accepted: true})
	c := conn{first}
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 4 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				h.Seal()
				h.Unseal()
				h.mu.Lock()
				first.wake()
				h.settle()
				h.mu.Unlock()
			}
		})
	}
	closed := func(ch <-chan struct{}) bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	for range 200_000 {
		if closed(h.Acceptable()) {
			if _, err := h.Accept(); errors.Is(err, wasi.ErrAgain) {
				t.Error("acceptable, and nobody there")
				break
			}
		}
		if closed(c.Readable()) {
			if _, err := c.Read(make([]byte, 1)); errors.Is(err, wasi.ErrAgain) {
				t.Error("readable, and nothing there")
				break
			}
		}
	}
	close(stop)
	busy.Wait()
	_ = h.Close()
}

// TestGoneBeforeAccepted: a guest that was told of a session can accept it though its
// client has gone meanwhile.
func TestGoneBeforeAccepted(t *testing.T) {
	h := NewHub(Config{Name: "l", Kind: TCP, Epoch: 1})
	s, err := h.begin(Raw)
	if err != nil {
		t.Fatal(err)
	}
	<-h.Acceptable()
	h.mu.Lock()
	s.end(resetf(expired, "gone"))
	h.mu.Unlock()
	got, err := h.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := got.Read(make([]byte, 1)); !errors.Is(err, wasi.ECONNRESET) {
		t.Errorf("its read is %v, want ECONNRESET", err)
	}
	if h.held != 0 {
		t.Errorf("%d bytes are held for nobody", h.held)
	}
}
