// Waits checks clocks, timers and reading, with goroutines that wait at the same time.
package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"time"
)

func is[T comparable](call, what string, got, want T) {
	if got == want {
		fmt.Printf("%s: %s\n", call, what)
	} else {
		fmt.Printf("%s: %s: got %v, want %v\n", call, what, got, want)
	}
}

func main() {
	began := time.Now()
	time.Sleep(3 * time.Millisecond)
	is("poll_oneoff", "sleep", time.Since(began) >= 3*time.Millisecond, true)

	late := make(chan bool)
	for i := range 4 {
		go func() {
			began, d := time.Now(), time.Duration(1+i*5)*time.Millisecond
			time.Sleep(d)
			late <- time.Since(began) >= d
		}()
	}
	for range 4 {
		is("poll_oneoff", "four timers, none early", <-late, true)
	}

	lines := make(chan string)
	go func() {
		s := bufio.NewScanner(os.Stdin)
		for s.Scan() {
			lines <- s.Text()
		}
		close(lines)
	}()
	is("fd_read", "a line", <-lines, "input")
	_, ok := <-lines
	is("fd_read", "end of the input", ok, false)

	ticks := time.NewTicker(2 * time.Millisecond)
	last, falls := time.Now(), 0
	for range 5 {
		<-ticks.C
		now := time.Now()
		if now.Before(last) {
			falls++
		}
		last = now
	}
	is("clock_time_get", "never falls", falls, 0)
	is("clock_time_get", "real time is after 2020", last.Year() > 2020, true)

	a, b := make([]byte, 32), make([]byte, 32)
	_, err1 := io.ReadFull(rand.Reader, a)
	_, err2 := io.ReadFull(rand.Reader, b)
	is("random_get", "succeeds", err1 == nil && err2 == nil, true)
	is("random_get", "differs", string(a) == string(b), false)
	is("proc_exit", "is reached", true, true)
	os.Exit(5)
}
