package wasi

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sojourn/interp"
)

// FuzzLoad gives Load hostile bytes. What it takes must save and load again.
func FuzzLoad(f *testing.F) {
	dir := f.TempDir()
	put(f, dir, "d/text", "0123456789")
	cfg := func() Config {
		return Config{Mounts: []Mount{{Host: dir, Guest: "/"}}, Listeners: []Listener{newFakeListener("web")}, Dialer: &fakeDialer{}}
	}
	c := cfg()
	c.Listeners[0].(*fakeListener).connect().Feed([]byte("unread"))
	g := newGuest(f, c, "")
	g.must("sock_accept", preopen, 0, atResult)
	g.recv(uint64(g.u32(atResult)), 2, recvPeek)
	g.must("fd_renumber", preopen+1, preopen) // the mount takes the listener's place
	g.open("d/text", 0, flagAppend)
	g.names(g.open("d", openDirectory, 0), 0, 512, 9)
	g.w.waiting = &waiting{start: 5}
	b, err := g.w.Save()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := Load(cfg(), b)
		if err != nil {
			return
		}
		defer w.Close()
		again, err := w.Save()
		if err != nil {
			return
		}
		w2, err := Load(cfg(), again)
		if err != nil {
			t.Fatalf("what was saved does not load: %v", err)
		}
		w2.Close()
	})
}

// FuzzCalls makes calls as a hostile guest would. None may panic, wait, or touch
// anything outside the mount.
func FuzzCalls(f *testing.F) {
	all := slices.Concat(functions, extensions)
	for i := range all {
		f.Add([]byte{byte(i), 3, 1, 4, 2, 0, 3, 1, 1, 0}, "d/text\x00../outside/secret")
	}
	f.Add([]byte("\x1f\x03\x01\x01\x05\x01\xff\xff\x00\x02\x22\x04\x05\x01\x00"), "link/secret")
	stop := make(chan struct{})
	close(stop)
	f.Fuzz(func(t *testing.T, script []byte, names string) {
		top := t.TempDir()
		put(t, top, "outside/secret", "secret")
		put(t, top, "root/d/text", "text")
		if err := os.Symlink("../outside", filepath.Join(top, "root/link")); err != nil {
			t.Fatal(err)
		}
		l := newFakeListener("web")
		l.connect()
		l.connect().Feed([]byte("input"))
		g := newGuest(t, Config{MaxDescriptors: 16, Listeners: []Listener{l}, Dialer: &fakeDialer{}}, filepath.Join(top, "root"))
		g.must("fd_renumber", preopen, 0) // the listener takes the input's place
		g.must("sock_accept", 0, 0, atResult)
		g.must("sock_accept", 0, 0, atResult)
		g.must("fd_renumber", preopen+1, preopen) // and the mount that of a connection
		g.mem = make([]byte, 1<<12)
		copy(g.mem, names)
		g.play(script, len(names), stop)
		if got := contents(t, top, "outside/secret"); got != "secret" {
			t.Errorf("the secret became %q", got)
		}
		entries, err := os.ReadDir(filepath.Join(top, "outside"))
		if err != nil || len(entries) != 1 {
			t.Errorf("outside has %v, %v", entries, err)
		}
		if b, err := g.w.Save(); err == nil {
			w, err := Load(Config{MaxDescriptors: 16, Listeners: []Listener{newFakeListener("web")}, Dialer: &fakeDialer{}, Mounts: []Mount{{Host: filepath.Join(top, "root"), Guest: "/"}}}, b)
			if err != nil {
				t.Fatalf("what was saved does not load: %v", err)
			}
			w.Close()
		}
	})
}

// play makes the calls of a script: a byte for the function, then one for each
// parameter, which picks a value out of those that are worth trying.
func (g *guest) play(script []byte, names int, stop <-chan struct{}) {
	all := slices.Concat(functions, extensions)
	deadline := time.Now().Add(time.Second)
	for len(script) > 0 && time.Now().Before(deadline) {
		fn := all[int(script[0])%len(all)]
		script = script[1:]
		args := make([]uint64, len(fn.params))
		for i := range args {
			if len(script) > 0 {
				args[i] = worth(script[0], names)
				script = script[1:]
			}
		}
		if fn.name == "fd_allocate" || fn.name == "fd_filestat_set_size" {
			args[1] %= 1 << 12 // spare the disk
			args[len(args)-1] %= 1 << 12
		}
		_ = fn.call(interp.NewHostCall(g.w, g.mem, stop, append(args, 0)...))
	}
}

// worth spreads a byte over small numbers, lengths, pointers, and extremes.
func worth(b byte, names int) uint64 {
	switch {
	case b < 32:
		return uint64(b)
	case b < 64:
		return uint64(names) >> (b % 4)
	case b < 96:
		return uint64(b%32) * 128
	case b < 128:
		return 1<<12 - uint64(b%32)
	case b < 160:
		return 1<<32 - uint64(b%32) - 1
	case b < 192:
		return 1<<63 - uint64(b%32)
	case b < 224:
		return -uint64(b % 32)
	}
	var raw [8]byte
	raw[b%8] = 0xff
	return binary.LittleEndian.Uint64(raw[:])
}
