//go:build wasip1

// Command golisten is a conversation of a Go guest with clients that do what they are told
// (say TEXT, echo N, connect, end, break), by the net package as it is.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

func main() {
	if err := syscall.SetNonblock(3, true); err != nil {
		panic(err)
	}
	ln, err := net.FileListener(os.NewFile(3, ""))
	if err != nil {
		panic(err)
	}
	first := accept(ln)
	hear(first, "say hello", "hello")

	// A deadline comes, and the connection can be used after it.
	first.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		panic(fmt.Sprint("deadline: ", err))
	}
	first.SetReadDeadline(time.Time{})

	var all sync.WaitGroup
	for i := range 3 {
		tell(first, "connect")
		c := accept(ln)
		all.Go(func() { converse(c, i) })
	}
	all.Wait()

	tell(first, "connect")
	lost := accept(ln)
	tell(lost, "break")
	if _, err := lost.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		panic(fmt.Sprint("lost connection: ", err))
	}
	if err := first.(*net.TCPConn).CloseWrite(); err != nil {
		panic(err)
	}
	if rest, err := io.ReadAll(first); err != nil || string(rest) != "bye" {
		panic(fmt.Sprintf("at the end: %q, %v", rest, err))
	}
	ln.Close()
	fmt.Println("sock_accept: Go's net.FileListener accepts, and waits in poll_oneoff")
	fmt.Println("fd_read: a deadline of Go's comes, and what comes after it is read")
	fmt.Println("fd_write: three goroutines at once send more than any buffer holds")
	fmt.Println("fd_read: a broken connection is ECONNRESET, one that has ended io.EOF")
	fmt.Println("sock_shutdown: Go's CloseWrite ends what the peer reads")
}

// converse sends more than any buffer holds, and has it sent back.
func converse(c net.Conn, i int) {
	b := bytes.Repeat([]byte{byte(i), 'x', 'y'}, 20_000)
	tell(c, fmt.Sprint("echo ", len(b)))
	if _, err := c.Write(b); err != nil {
		panic(err)
	}
	got := make([]byte, len(b))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, b) {
		panic(fmt.Sprint("echo: ", err))
	}
	hear(c, "say end", "end")
	tell(c, "end")
	if n, err := c.Read(got); n != 0 || err != io.EOF {
		panic(fmt.Sprint("end: ", n, err))
	}
	c.Close()
}

func accept(ln net.Listener) net.Conn {
	c, err := ln.Accept()
	if err != nil {
		panic(err)
	}
	return c
}

func tell(c net.Conn, line string) {
	if _, err := fmt.Fprintln(c, line); err != nil {
		panic(err)
	}
}

func hear(c net.Conn, line, want string) {
	tell(c, line)
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		panic(fmt.Sprintf("%q: %q, %v", line, b, err))
	}
}
