package wasi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"sojourn/interp"
	"sojourn/interp/wasm"
)

// Module is the name under which guests import [Functions].
const Module = "wasi_snapshot_preview1"

// call is one call of a preview 1 function.
type call struct {
	*interp.HostCall
	w   *World
	mem memory
}

// u32 returns parameter i, an i32.
func (c *call) u32(i int) uint32 { return uint32(c.Stack[i]) }

// u64 returns parameter i, an i64.
func (c *call) u64(i int) uint64 { return c.Stack[i] }

// function is one row of the table of preview 1. Parameters are spelled as in
// "iI": i32, i64. The result is an errno, unless noResult.
type function struct {
	name     string
	params   string
	run      func(*call) error
	blocking bool
	noResult bool
}

// functions is all of preview 1.
var functions = []function{
	{name: "args_get", params: "ii", run: argsGet},
	{name: "args_sizes_get", params: "ii", run: argsSizesGet},
	{name: "environ_get", params: "ii", run: environGet},
	{name: "environ_sizes_get", params: "ii", run: environSizesGet},
	{name: "clock_res_get", params: "ii", run: clockResGet},
	{name: "clock_time_get", params: "iIi", run: clockTimeGet},
	{name: "fd_advise", params: "iIIi", run: fdAdvise},
	{name: "fd_allocate", params: "iII", run: fdAllocate},
	{name: "fd_close", params: "i", run: fdClose},
	{name: "fd_datasync", params: "i", run: fdDatasync},
	{name: "fd_fdstat_get", params: "ii", run: fdFdstatGet},
	{name: "fd_fdstat_set_flags", params: "ii", run: fdFdstatSetFlags},
	{name: "fd_fdstat_set_rights", params: "iII", run: fdFdstatSetRights},
	{name: "fd_filestat_get", params: "ii", run: fdFilestatGet},
	{name: "fd_filestat_set_size", params: "iI", run: fdFilestatSetSize},
	{name: "fd_filestat_set_times", params: "iIIi", run: fdFilestatSetTimes},
	{name: "fd_pread", params: "iiiIi", run: fdPread},
	{name: "fd_prestat_get", params: "ii", run: fdPrestatGet},
	{name: "fd_prestat_dir_name", params: "iii", run: fdPrestatDirName},
	{name: "fd_pwrite", params: "iiiIi", run: fdPwrite},
	{name: "fd_read", params: "iiii", run: fdRead, blocking: true},
	{name: "fd_readdir", params: "iiiIi", run: fdReaddir},
	{name: "fd_renumber", params: "ii", run: fdRenumber},
	{name: "fd_seek", params: "iIii", run: fdSeek},
	{name: "fd_sync", params: "i", run: fdSync},
	{name: "fd_tell", params: "ii", run: fdTell},
	{name: "fd_write", params: "iiii", run: fdWrite, blocking: true},
	{name: "path_create_directory", params: "iii", run: pathCreateDirectory},
	{name: "path_filestat_get", params: "iiiii", run: pathFilestatGet},
	{name: "path_filestat_set_times", params: "iiiiIIi", run: pathFilestatSetTimes},
	{name: "path_link", params: "iiiiiii", run: pathLink},
	{name: "path_open", params: "iiiiiIIii", run: pathOpen},
	{name: "path_readlink", params: "iiiiii", run: pathReadlink},
	{name: "path_remove_directory", params: "iii", run: pathRemoveDirectory},
	{name: "path_rename", params: "iiiiii", run: pathRename},
	{name: "path_symlink", params: "iiiii", run: pathSymlink},
	{name: "path_unlink_file", params: "iii", run: pathUnlinkFile},
	{name: "poll_oneoff", params: "iiii", run: pollOneoff, blocking: true},
	{name: "proc_exit", params: "i", run: procExit, noResult: true},
	{name: "proc_raise", params: "i", run: procRaise},
	{name: "random_get", params: "ii", run: randomGet},
	{name: "sched_yield", params: "", run: schedYield},
	{name: "sock_accept", params: "iii", run: sockAccept, blocking: true},
	{name: "sock_recv", params: "iiiiii", run: sockRecv, blocking: true},
	{name: "sock_send", params: "iiiii", run: sockSend, blocking: true},
	{name: "sock_shutdown", params: "ii", run: sockShutdown},
}

// Functions returns the host functions of preview 1, and behind them those for outward
// connections. Of some there are two of one name, with different types. Each call's Host
// must be the *World of the guest that calls.
func Functions() []interp.HostFunc {
	var list []interp.HostFunc
	for _, f := range slices.Concat(functions, extensions) {
		list = append(list, f.hostFunc())
	}
	return list
}

func (f function) hostFunc() interp.HostFunc {
	h := interp.HostFunc{Module: Module, Name: f.name, Blocking: f.blocking, Call: f.call}
	for _, p := range f.params {
		if p == 'I' {
			h.Params = append(h.Params, wasm.I64)
		} else {
			h.Params = append(h.Params, wasm.I32)
		}
	}
	if !f.noResult {
		h.Results = []wasm.ValType{wasm.I32}
	}
	return h
}

// call runs f and turns its error into the guest's errno. Only what ends or
// interrupts the guest goes back to the host as an error.
func (f function) call(h *interp.HostCall) error {
	w, ok := h.Host.(*World)
	if !ok {
		return fmt.Errorf("wasi: %s called by a guest whose host is a %T, not a *World", f.name, h.Host)
	}
	err := f.run(&call{HostCall: h, w: w, mem: h.Memory()})
	var exit *interp.Exit
	if errors.Is(err, interp.ErrRestart) || errors.As(err, &exit) {
		return err
	}
	if !f.noResult {
		h.Stack[0] = uint64(errnoOf(err))
	}
	return nil
}

// memory is the guest's linear memory. Its methods return EFAULT for whatever does
// not lie wholly inside.
type memory []byte

// bytes returns the n bytes at ptr, not a copy.
func (m memory) bytes(ptr, n uint32) ([]byte, error) {
	end := uint64(ptr) + uint64(n)
	if end > uint64(len(m)) {
		return nil, EFAULT
	}
	return m[ptr:end:end], nil
}

// records returns count records of size bytes at ptr.
func (m memory) records(ptr, count, size uint32) ([]byte, error) {
	n := uint64(count) * uint64(size)
	if n > uint64(len(m)) {
		return nil, EFAULT
	}
	return m.bytes(ptr, uint32(n))
}

func (m memory) putU32(ptr, v uint32) error {
	b, err := m.bytes(ptr, 4)
	if err == nil {
		binary.LittleEndian.PutUint32(b, v)
	}
	return err
}

func (m memory) putU64(ptr uint32, v uint64) error {
	b, err := m.bytes(ptr, 8)
	if err == nil {
		binary.LittleEndian.PutUint64(b, v)
	}
	return err
}

// vectors returns the count buffers that an array of iovec or ciovec at ptr
// describes, cut off after maxTransfer bytes.
func (m memory) vectors(ptr, count uint32) ([][]byte, error) {
	if count > maxVectors {
		return nil, EINVAL
	}
	raw, err := m.records(ptr, count, 8)
	if err != nil {
		return nil, err
	}
	list := make([][]byte, 0, count)
	room := maxTransfer
	for ; len(raw) > 0; raw = raw[8:] {
		b, err := m.bytes(binary.LittleEndian.Uint32(raw), binary.LittleEndian.Uint32(raw[4:]))
		if err != nil {
			return nil, err
		}
		b = b[:min(len(b), room)]
		room -= len(b)
		list = append(list, b)
	}
	return list, nil
}
