package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// children are servers of this program in processes of their own.
type children struct{ list []*exec.Cmd }

// start starts this program as a server and waits until it says where it is.
func (c *children) start(dir, kind string, args ...string) (announcement, error) {
	self, err := os.Executable()
	if err != nil {
		return announcement{}, err
	}
	state := filepath.Join(dir, fmt.Sprint(len(c.list)))
	log, err := os.Create(state + ".log")
	if err != nil {
		return announcement{}, err
	}
	defer log.Close()
	cmd := exec.Command(self, append([]string{kind, "--state", state}, args...)...)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return announcement{}, err
	}
	if err := cmd.Start(); err != nil {
		return announcement{}, fmt.Errorf("start %s: %w", kind, err)
	}
	c.list = append(c.list, cmd)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var a announcement
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil {
		said, _ := os.ReadFile(state + ".log")
		return a, fmt.Errorf("%s did not start: %w: %s", kind, err, said)
	}
	return a, nil
}

// stop ends the processes that were started, the last one first.
func (c *children) stop() {
	for _, cmd := range slices.Backward(c.list) {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
	}
}
