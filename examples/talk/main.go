//go:build unix || wasip1

// Command talk answers every message of a WebSocket at /talk with the same bytes, numbered
// and checksummed on their own: it is what "sojourn bench sessions" talks to. A message is
// a number, the CRC-32 of the rest in hexadecimal, and the rest. One that is damaged or not
// next is answered by "wrong", and ends the connection. It has its listening socket as
// descriptor 3, and is compiled with GOOS=wasip1 GOARCH=wasm.
package main

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"

	"github.com/gorilla/websocket"
)

func main() {
	const fd = 3
	if err := syscall.SetNonblock(fd, true); err != nil {
		log.Fatal(err)
	}
	ln, err := net.FileListener(os.NewFile(fd, "listener"))
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/talk", func(w http.ResponseWriter, r *http.Request) {
		u := websocket.Upgrader{}
		ws, err := u.Upgrade(w, r, nil)
		if err == nil {
			talk(ws)
		}
	})
	log.Fatal(http.Serve(ln, nil))
}

// talk serves one client.
func talk(ws *websocket.Conn) {
	defer ws.Close()
	for n := 1; ; n++ {
		kind, b, err := ws.ReadMessage()
		if err != nil {
			return
		}
		body, err := check(b, n)
		if err != nil {
			_ = ws.WriteMessage(kind, []byte("wrong: "+err.Error()))
			return
		}
		answer := append(fmt.Appendf(nil, "%d %08x ", n, crc32.ChecksumIEEE(body)), body...)
		if ws.WriteMessage(kind, answer) != nil {
			return
		}
	}
}

func check(b []byte, n int) ([]byte, error) {
	f := bytes.SplitN(b, []byte(" "), 3)
	if len(f) != 3 {
		return nil, fmt.Errorf("message %d has %d bytes", n, len(b))
	}
	if got, err := strconv.Atoi(string(f[0])); err != nil || got != n {
		return nil, fmt.Errorf("message %s came, %d is due", f[0], n)
	}
	if sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE(f[2])); sum != string(f[1]) {
		return nil, fmt.Errorf("message %d is damaged", n)
	}
	return f[2], nil
}
