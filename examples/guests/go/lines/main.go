// Command lines is echo-kv's protocol without its store, written in Go: it answers each request
// line "N PAYLOAD" with "N SUM COUNT PAYLOAD", where SUM is FNV-1a (64 bits, 16 hex digits) over all
// request bytes so far. A goroutine reads, another computes, and a channel joins them.
//
// It is built for WASI: GOOS=wasip1 GOARCH=wasm go build.
package main

import (
	"bufio"
	"hash/fnv"
	"os"
	"strconv"
)

func main() {
	requests := make(chan []byte)
	go read(requests)

	out := bufio.NewWriter(os.Stdout)
	sum := fnv.New64a()
	for count := 1; ; count++ {
		line, ok := <-requests
		if !ok {
			return
		}
		sum.Write(line)
		out.Write(answer(line, sum.Sum64(), count))
		if out.Flush() != nil {
			os.Exit(1)
		}
	}
}

// read sends each line of standard input, with its line end, and closes the channel at the end.
func read(to chan<- []byte) {
	defer close(to)
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			to <- line
		}
		if err != nil {
			return
		}
	}
}

// answer returns the answer to line, with its line end.
func answer(line []byte, sum uint64, count int) []byte {
	if n := len(line); line[n-1] == '\n' {
		line = line[:n-1]
	}
	i := 0
	for i < len(line) && line[i] != ' ' {
		i++
	}
	b := append(append([]byte(nil), line[:i]...), ' ')
	hex := strconv.FormatUint(sum, 16)
	b = append(b, "0000000000000000"[len(hex):]...)
	b = append(append(b, hex...), ' ')
	b = strconv.AppendInt(b, int64(count), 10)
	return append(append(b, line[i:]...), '\n')
}
