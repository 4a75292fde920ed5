// Package wasi is the world of a guest: the files, clocks, streams, sockets and arguments
// that WASI preview 1 shows it, in a form that can be written down and opened again
// on another node.
//
// A [World] belongs to one guest. [Functions] are the host functions of the module
// wasi_snapshot_preview1, for package interp to link; each finds its World in
// [interp.HostCall.Host].
//
//	w, err := wasi.New(wasi.Config{
//		Args:   []string{"hello"},
//		Mounts: []wasi.Mount{{Host: "data", Guest: "/"}},
//		Stdout: wasi.FromFile(os.Stdout),
//	})
//	...
//	saved, err := w.Save()              // while the guest is frozen
//	...
//	w, err = wasi.Load(config, saved)   // perhaps on another node
//
// # What it promises
//
// A guest reaches nothing outside its mounts: every path is resolved by [os.Root],
// with symbolic links followed inside the mount only. Every pointer, length, count
// and descriptor from the guest is checked; a wrong one is an [Errno], never a panic.
//
// fd_read, fd_write, poll_oneoff, sock_accept, sock_recv and sock_send may wait, on a
// stream, a socket or a clock. They stop waiting when the guest is asked to stop: without
// effect, with [interp.ErrRestart], or with the short count that they had reached. A
// poll_oneoff that is issued again waits only for the time that was left, and a sock_recv
// with WAITALL only for the bytes that are missing.
//
// # Sockets
//
// A guest that listens has its listeners as descriptors 3, 4, and so on, before its
// mounts; it finds their number in LISTEN_FDS and their names in LISTEN_FDNAMES. They
// are stream sockets to fd_fdstat_get, and preopened without being folders to
// fd_prestat_get. Where connections come from is not in this package: see [Listener].
// poll_oneoff is level-triggered, and sets the hangup flag of a reading when the peer will
// send nothing that was not read.
//
// Preview 1 has no outward connections. For those there are the calls of WasmEdge
// (sock_open, sock_connect, sock_getaddrinfo and others), as far as TCP goes: a socket
// cannot be bound or listen (ENOTSUP), since a guest listens where it is told to.
// sock_accept, sock_getlocaladdr and sock_getpeeraddr have the type that the guest imports.
// A [Dialer] makes the connections, and says which are allowed; without one none are.
//
// # What follows a guest
//
// A descriptor is written as mount, path, offset, flags and rights, and opened again
// by them. A file that the guest renamed is found by its new name. A file that was
// unlinked while open is carried with its contents, up to [MaxCarried] bytes; a directory
// that was removed stays open, and nothing is below it. A
// directory keeps the listing that the guest was reading. A connection is found again by
// its number and its listener's name, with what the listener saved of it; what this
// package had looked at ahead of the guest is saved with the descriptor. Of the clocks, the
// monotonic one goes on from the saved value, and so do the CPU clocks, which are
// the monotonic clock since the guest's start; the real-time clock is the host's.
// Randomness is never saved. Inode and device numbers are the host's and may change.
//
// # What it refuses
//
// Datagrams, signals (ENOSYS), and opening anything in a mount that is not a regular
// file, a directory or the null device (ENOTSUP): a pipe or
// another device could block, and cannot follow.
//
// A World is not safe for concurrent use: only the guest's own calls use it while
// the guest runs, and Save, Describe and Close are for when it is frozen or ended.
package wasi
