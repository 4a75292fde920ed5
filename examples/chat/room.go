//go:build unix || wasip1

package main

import (
	"fmt"
	"sync"

	"github.com/gorilla/websocket"
)

// remembered is how many messages somebody who joins is shown.
const remembered = 100

// room is everybody who is connected, and what was said.
type room struct {
	mu    sync.Mutex
	said  int
	last  []string
	there map[chan string]bool
}

func newRoom() *room { return &room{there: map[chan string]bool{}} }

// serve reads what one client says, until it leaves.
func (r *room) serve(ws *websocket.Conn) {
	defer ws.Close()
	ws.SetReadLimit(64 << 10)
	out := r.join()
	defer r.leave(out)
	go write(ws, out)
	for {
		_, text, err := ws.ReadMessage()
		if err != nil {
			return
		}
		r.say(string(text))
	}
}

// write sends what is said, until the client leaves or has to.
func write(ws *websocket.Conn, out <-chan string) {
	defer ws.Close()
	for text := range out {
		if ws.WriteMessage(websocket.TextMessage, []byte(text)) != nil {
			return
		}
	}
}

// join returns what one client is sent, from what is remembered on.
func (r *room) join() chan string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(chan string, 2*remembered)
	for _, text := range r.last {
		out <- text
	}
	r.there[out] = true
	return out
}

func (r *room) leave(out chan string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.there[out] {
		delete(r.there, out)
		close(out)
	}
}

// say numbers a message and sends it to everybody. Who does not keep up has to leave.
func (r *room) say(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said++
	text = fmt.Sprintf("%d %s", r.said, text)
	r.last = append(r.last, text)
	if len(r.last) > remembered {
		r.last = r.last[1:]
	}
	for out := range r.there {
		select {
		case out <- text:
		default:
			delete(r.there, out)
			close(out)
		}
	}
}
