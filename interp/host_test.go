package interp

import (
	"bytes"
	"encoding/binary"
	"testing"

	"sojourn/interp/wasm"
)

// miniHost is as much of WASI as the guests of examples/guests need to print and to
// exit. What it does not know fails with ENOSYS.
type miniHost struct {
	out  bytes.Buffer
	args []string
	now  uint64
}

const enosys, ebadf = 52, 8

func (h *miniHost) functions(t testing.TB, m *wasm.Module) []HostFunc {
	t.Helper()
	known := map[string]func(*HostCall) uint64{
		"fd_write":          func(c *HostCall) uint64 { return h.write(c) },
		"args_sizes_get":    func(c *HostCall) uint64 { return h.sizes(c) },
		"args_get":          func(c *HostCall) uint64 { return h.getArgs(c) },
		"environ_sizes_get": func(c *HostCall) uint64 { put32(c, 0, 0); put32(c, 1, 0); return 0 },
		"environ_get":       func(*HostCall) uint64 { return 0 },
		"fd_close":          func(*HostCall) uint64 { return 0 },
		"fd_seek":           func(*HostCall) uint64 { return 70 },
		"sched_yield":       func(*HostCall) uint64 { return 0 },
		"fd_prestat_get":    func(*HostCall) uint64 { return ebadf },
		"clock_time_get": func(c *HostCall) uint64 {
			host(c).now += 1000
			binary.LittleEndian.PutUint64(c.Memory()[uint32(c.Stack[2]):], host(c).now)
			return 0
		},
		"fd_fdstat_get": func(c *HostCall) uint64 {
			b := c.Memory()[uint32(c.Stack[1]):][:24]
			clear(b)
			b[0] = 2
			return 0
		},
	}
	blocking := map[string]bool{"fd_write": true, "sched_yield": true, "fd_read": true, "poll_oneoff": true}
	var fs []HostFunc
	for _, im := range m.Imports {
		if im.Kind != wasm.KindFunc {
			continue
		}
		call := known[im.Name]
		ft := m.Types[im.Func]
		f := HostFunc{Module: im.Module, Name: im.Name, Params: ft.Params, Results: ft.Results, Blocking: blocking[im.Name]}
		f.Call = func(c *HostCall) error {
			if im.Name == "proc_exit" {
				return &Exit{Code: uint32(c.Stack[0])}
			}
			errno := uint64(enosys)
			if call != nil {
				errno = call(c)
			}
			if len(c.Stack) > 0 {
				c.Stack[0] = errno
			}
			return nil
		}
		fs = append(fs, f)
	}
	return fs
}

// host finds the state of the instance that calls: functions are shared by instances.
func host(c *HostCall) *miniHost { return c.Host.(*miniHost) }

func put32(c *HostCall, arg int, v uint32) {
	binary.LittleEndian.PutUint32(c.Memory()[uint32(c.Stack[arg]):], v)
}

func (*miniHost) write(c *HostCall) uint64 {
	mem := c.Memory()
	total := uint32(0)
	for i := range uint32(c.Stack[2]) {
		iov := mem[uint32(c.Stack[1])+8*i:]
		p, n := binary.LittleEndian.Uint32(iov), binary.LittleEndian.Uint32(iov[4:])
		host(c).out.Write(mem[p : p+n])
		total += n
	}
	put32(c, 3, total)
	return 0
}

func (*miniHost) sizes(c *HostCall) uint64 {
	n := 0
	for _, a := range host(c).args {
		n += len(a) + 1
	}
	put32(c, 0, uint32(len(host(c).args)))
	put32(c, 1, uint32(n))
	return 0
}

func (*miniHost) getArgs(c *HostCall) uint64 {
	mem, at := c.Memory(), uint32(c.Stack[1])
	for i, a := range host(c).args {
		binary.LittleEndian.PutUint32(mem[uint32(c.Stack[0])+4*uint32(i):], at)
		copy(mem[at:], a+"\x00")
		at += uint32(len(a)) + 1
	}
	return 0
}
