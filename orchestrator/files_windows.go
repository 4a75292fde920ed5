package orchestrator

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockFile takes the file for this process until it is closed.
func lockFile(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
}

// syncDir does nothing: Windows has no such call, and NTFS journals a rename.
func syncDir(string) error { return nil }
