//go:build unix || wasip1

// Command chat is a chat room: a page at /, and a WebSocket at /chat on which each message
// goes to everybody. It is an ordinary net/http server that has its listening socket as
// descriptor 3, compiled with GOOS=wasip1 GOARCH=wasm.
package main

import (
	_ "embed"
	"log"
	"net"
	"net/http"
	"os"
	"syscall"

	"github.com/gorilla/websocket"
)

//go:embed index.html
var page []byte

// listen returns the socket that the program was started with.
func listen() (net.Listener, error) {
	const fd = 3
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return net.FileListener(os.NewFile(fd, "listener"))
}

func main() {
	log.SetFlags(0)
	ln, err := listen()
	if err != nil {
		log.Fatalf("chat: no listening socket: %v", err)
	}
	room := newRoom()
	upgrader := websocket.Upgrader{}
	http.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) { w.Write(page) })
	http.HandleFunc("/chat", func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // Upgrade has answered
		}
		room.serve(ws)
	})
	log.Fatal(http.Serve(ln, nil))
}
