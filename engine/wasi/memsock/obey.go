package memsock

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// End is the far end of a connection, in memory or of a real socket.
type End interface {
	io.ReadWriter
	CloseWrite()
	Break()
}

// Obey makes the far end do what the guest tells it, one command a line, until the guest
// ends its direction or breaks a rule; then it says "bye" and ends its own.
//
//	say TEXT    send TEXT
//	echo N      read N bytes and send them back
//	connect     make another connection to the guest, which obeys as well
//	end         send no more
//	break       break the connection
func Obey(e End, connect func()) {
	in := bufio.NewReader(e)
	for obeyLine(e, in, connect) {
	}
	io.WriteString(e, "bye")
	e.CloseWrite()
	io.Copy(io.Discard, in)
}

func obeyLine(e End, in *bufio.Reader, connect func()) bool {
	line, err := in.ReadString('\n')
	if err != nil {
		return false
	}
	verb, arg, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	switch verb {
	case "say":
		_, err = io.WriteString(e, arg)
	case "echo":
		var n int64
		if _, err = fmt.Sscan(arg, &n); err != nil {
			return false
		}
		b := make([]byte, min(n, 1<<20))
		if _, err = io.ReadFull(in, b); err == nil {
			_, err = e.Write(b)
		}
	case "connect":
		connect()
	case "end":
		e.CloseWrite()
	case "break":
		e.Break()
	default:
		return false
	}
	return err == nil
}

// Obeying makes a connection that obeys.
func (n *Network) Obeying() {
	p := n.Connect()
	go Obey(p, n.Obeying)
}
