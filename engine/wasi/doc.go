// Package wasi is the world of a guest: the files, clocks, streams and arguments
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
// fd_read, fd_write and poll_oneoff may wait, on a stream or a clock. They stop
// waiting when the guest is asked to stop: without effect, with [interp.ErrRestart],
// or with the short count that they had reached. A poll_oneoff that is issued again
// waits only for the time that was left.
//
// # What follows a guest
//
// A descriptor is written as mount, path, offset, flags and rights, and opened again
// by them. A file that the guest renamed is found by its new name. A file that was
// unlinked while open is carried with its contents, up to [MaxCarried] bytes. A
// directory keeps the listing that the guest was reading. Of the clocks, the
// monotonic one goes on from the saved value, and so do the CPU clocks, which are
// the monotonic clock since the guest's start; the real-time clock is the host's.
// Randomness is never saved. Inode and device numbers are the host's and may change.
//
// # What it refuses
//
// Sockets other than ENOTSOCK, signals (ENOSYS), and opening anything in a mount
// that is not a regular file, a directory or the null device (ENOTSUP): a pipe or
// another device could block, and cannot follow.
//
// A World is not safe for concurrent use: only the guest's own calls use it while
// the guest runs, and Save, Describe and Close are for when it is frozen or ended.
package wasi
