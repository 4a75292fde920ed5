//go:build unix

package main

import "syscall"

// apart keeps a terminal's signals from the guest's process: they are for its parent.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
