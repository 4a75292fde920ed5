//go:build wasip1

// Command godial connects to the address that is its argument, by the socket calls of
// WasmEdge in their second form, without waiting in them: the Go runtime waits for the
// connection, and the net package has it from then on. The far end does what it is told
// (say TEXT, echo N, end).
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"
)

type address struct {
	data uint32
	size uint32
}

//go:wasmimport wasi_snapshot_preview1 sock_open
//go:noescape
func sockOpen(family, kind int32, fd unsafe.Pointer) syscall.Errno

//go:wasmimport wasi_snapshot_preview1 sock_connect
//go:noescape
func sockConnect(fd int32, addr unsafe.Pointer, port uint32) syscall.Errno

//go:wasmimport wasi_snapshot_preview1 sock_getsockopt
//go:noescape
func sockGetOpt(fd, level, name int32, value unsafe.Pointer, size uint32) syscall.Errno

//go:wasmimport wasi_snapshot_preview1 sock_getpeeraddr
//go:noescape
func sockGetPeer(fd int32, addr, port unsafe.Pointer) syscall.Errno

const (
	inet4, stream      = 1, 2
	levelSocket, error = 0, 2
)

func dial(to netip.AddrPort) net.Conn {
	var fd int32
	must(sockOpen(inet4, stream, unsafe.Pointer(&fd)))
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		panic(err)
	}
	ip := to.Addr().As4()
	a := address{uint32(uintptr(unsafe.Pointer(&ip))), 4}
	if e := sockConnect(fd, unsafe.Pointer(&a), uint32(to.Port())); e != syscall.EINPROGRESS {
		must(e)
	}
	f := os.NewFile(uintptr(fd), "")
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		panic(err)
	}
	err = raw.Write(func(fd uintptr) bool {
		var value int32
		must(sockGetOpt(int32(fd), levelSocket, error, unsafe.Pointer(&value), 4))
		must(syscall.Errno(value))
		return peer(int32(fd)) == to
	})
	if err != nil {
		panic(err)
	}
	c, err := net.FileConn(f)
	if err != nil {
		panic(err)
	}
	return c
}

// peer returns nothing for what is not connected yet.
func peer(fd int32) netip.AddrPort {
	var storage [128]byte
	var port uint32
	a := address{uint32(uintptr(unsafe.Pointer(&storage))), uint32(len(storage))}
	if e := sockGetPeer(fd, unsafe.Pointer(&a), unsafe.Pointer(&port)); e != 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(storage[2:])), uint16(port))
}

func must(e syscall.Errno) {
	if e != 0 {
		panic(e)
	}
}

func main() {
	c := dial(netip.MustParseAddrPort(os.Args[1]))
	b := bytes.Repeat([]byte("outward"), 5000)
	fmt.Fprintln(c, "echo", len(b))
	if _, err := c.Write(b); err != nil {
		panic(err)
	}
	got := make([]byte, len(b))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, b) {
		panic(fmt.Sprint("echo: ", err))
	}
	fmt.Fprintln(c, "say bye")
	fmt.Fprintln(c, "end")
	if rest, err := io.ReadAll(c); err != nil || string(rest) != "bye" {
		panic(fmt.Sprintf("at the end: %q, %v", rest, err))
	}
	fmt.Println("sock_connect: Go waits in poll_oneoff for a connection, and its net has it then")
}
