package session_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/engine/wasi"
	"sojourn/proxy/client"
	"sojourn/proxy/session"
)

// server is a guest that is a WebSocket server: its code keeps running, and its
// connections are exchanged below it when it moves.
type server struct {
	mu    sync.RWMutex // held for reading by each call of a guest's
	hub   *session.Hub
	conns map[uint64]*swapped
}

// swapped is a connection of the guest's as Go's servers know it.
type swapped struct {
	net.Conn // for what nobody calls
	s        *server
	c        wasi.Conn
	hurry    atomic.Bool // a read is to end at once
}

func (c *swapped) call(f func(wasi.Conn) (int, error)) (int, error) {
	for {
		c.s.mu.RLock()
		n, err := f(c.c)
		c.s.mu.RUnlock()
		if !errors.Is(err, wasi.ErrAgain) {
			return n, err
		}
		time.Sleep(100 * time.Microsecond)
	}
}

func (c *swapped) Read(p []byte) (int, error) {
	return c.call(func(w wasi.Conn) (int, error) {
		n, err := w.Read(p)
		if errors.Is(err, wasi.ErrAgain) && c.hurry.Load() {
			err = os.ErrDeadlineExceeded
		}
		return n, err
	})
}

func (c *swapped) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		n, err := c.call(func(w wasi.Conn) (int, error) { return w.Write(p[done:]) })
		if err != nil {
			return done, err
		}
		done += n
	}
	return len(p), nil
}

func (c *swapped) Close() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	delete(c.s.conns, c.c.ID())
	return c.c.Close()
}

func (c *swapped) SetDeadline(time.Time) error { return nil }
func (c *swapped) SetReadDeadline(t time.Time) error {
	c.hurry.Store(!t.IsZero() && time.Until(t) <= 0) // as package http ends its own reads
	return nil
}
func (c *swapped) SetWriteDeadline(time.Time) error { return nil }
func (c *swapped) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *swapped) LocalAddr() net.Addr              { return &net.TCPAddr{} }

type acceptor struct {
	s    *server
	done <-chan struct{}
}

func (a acceptor) Accept() (net.Conn, error) {
	for {
		a.s.mu.Lock()
		c, err := a.s.hub.Accept()
		if err == nil {
			w := &swapped{s: a.s, c: c}
			a.s.conns[c.ID()] = w
			a.s.mu.Unlock()
			return w, nil
		}
		a.s.mu.Unlock()
		select {
		case <-a.done:
			return nil, net.ErrClosed
		case <-time.After(time.Millisecond):
		}
	}
}

func (acceptor) Close() error   { return nil }
func (acceptor) Addr() net.Addr { return &net.TCPAddr{} }

// move takes the sessions elsewhere, as bytes.
func (s *server) move(t *testing.T, p *place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hub.Seal()
	h := session.NewHub(session.Config{Name: "l", Kind: session.WebSocket, Path: "/chat", Epoch: p.epoch + 1})
	if err := h.Load(s.hub.Save()); err != nil {
		t.Fatal(err)
	}
	for id, c := range s.conns {
		n, err := h.Restore(id, c.c.Save())
		if err != nil {
			t.Fatal(err)
		}
		c.c = n
	}
	p.mu.Lock()
	p.hub, p.epoch = h, p.epoch+1
	p.mu.Unlock()
	s.hub.Moved("here")
	s.hub = h
}

// TestGuestIsAWebSocketServer has resumable clients speak to a server that knows nothing
// of sessions, whose sessions move and whose links are cut: messages keep their kind and
// their borders.
func TestGuestIsAWebSocketServer(t *testing.T) {
	done := make(chan struct{})
	s := &server{conns: map[uint64]*swapped{}, hub: session.NewHub(session.Config{Name: "l", Kind: session.WebSocket, Path: "/chat", Epoch: 1})}
	p := &place{epoch: 1, hub: s.hub}
	up := websocket.Upgrader{}
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/chat" {
			http.NotFound(w, r)
			return
		}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		for {
			kind, b, err := ws.ReadMessage()
			if err != nil {
				return
			}
			if len(b)%3 == 0 {
				_ = ws.WriteControl(websocket.PingMessage, []byte("there?"), time.Now().Add(time.Second))
			}
			if err := ws.WriteMessage(kind, b); err != nil {
				return
			}
		}
	})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = web.Serve(acceptor{s, done}) })
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			if err := exchange(t, p.options(client.Default), uint64(i)); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	over := make(chan struct{})
	go func() { wg.Wait(); close(over) }()
	for moving := true; moving; {
		select {
		case <-over:
			moving = false
		case <-time.After(15 * time.Millisecond):
			s.move(t, p)
			p.cut()
		}
	}
	close(done)
	_ = web.Close()
	serving.Wait()
}

// exchange sends messages of many sizes and wants each back.
func exchange(t *testing.T, opt client.Options, seed uint64) error {
	ctx := t.Context()
	s, err := client.Dial(ctx, opt)
	if err != nil {
		return err
	}
	defer s.Close()
	r := rand.New(rand.NewPCG(seed, 1))
	var want []client.Message
	for range 150 {
		n := r.IntN(2000)
		if r.IntN(20) == 0 {
			n = 1<<20 - r.IntN(3)
		}
		k := client.Text
		if r.IntN(2) == 0 {
			k = client.Binary
		}
		want = append(want, client.Message{Kind: k, Data: bytes.Repeat([]byte{'a' + byte(r.IntN(26))}, n)})
	}
	go func() {
		for _, m := range want {
			if err := s.Send(ctx, m); err != nil {
				return
			}
		}
		s.CloseSend()
	}()
	for i, m := range want {
		got, err := s.Receive(ctx)
		if err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
		if got.Kind != m.Kind || !bytes.Equal(got.Data, m.Data) {
			return fmt.Errorf("message %d is of kind %d and %d bytes, want kind %d and %d", i, got.Kind, len(got.Data), m.Kind, len(m.Data))
		}
	}
	if _, err := s.Receive(ctx); !errors.Is(err, io.EOF) {
		return fmt.Errorf("behind the last message: %v", err)
	}
	return nil
}
