package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"sojourn/bench/measure"
)

// child is a side that runs in a process of its own. Command returns that of a run which leaves
// the program's output in the file out, and told reads what it took; nil for the whole process.
type child struct {
	name    string
	out     string
	command func() []string
	told    func(stdout []byte) (wall, cpu float64, err error) // milliseconds
}

func (c child) side() measure.Side { return measure.Side{Name: c.name, Run: c.run} }

func (c child) run(ctx context.Context) (s measure.Sample, err error) {
	args := c.command()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	began := time.Now()
	stdout, err := cmd.Output()
	s.Wall = time.Since(began)
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return s, missing(args[0], err)
	}
	s.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if c.told == nil {
		s.Output = sha256.Sum256(stdout)
		return s, nil
	}
	wall, cpu, err := c.told(stdout)
	if err != nil {
		return s, fmt.Errorf("%s printed %q: %w", args[0], stdout, err)
	}
	s.Wall, s.CPU = duration(wall), duration(cpu)
	printed, err := os.ReadFile(c.out)
	s.Output = sha256.Sum256(printed)
	return s, err
}

// missing is err of a command, with what to do when it is not there.
func missing(name string, err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w; to install what is needed: apt-get install gcc nodejs binaryen", err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

func duration(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// tellsOnce reads what node's script and the command wasmtime print.
func tellsOnce(stdout []byte) (wall, cpu float64, err error) {
	var t struct {
		Wall float64 `json:"wall_ms"`
		CPU  float64 `json:"cpu_ms"`
	}
	err = json.Unmarshal(stdout, &t)
	return t.Wall, t.CPU, err
}

// tellsAll reads what 'sojourn-wasmer bench --runs 1' prints: a value a run.
func tellsAll(stdout []byte) (wall, cpu float64, err error) {
	var t struct {
		Instantiate []float64 `json:"instantiate_ms"`
		Execute     []float64 `json:"execute_ms"`
		CPU         []float64 `json:"cpu_ms"`
	}
	if err := json.Unmarshal(stdout, &t); err != nil {
		return 0, 0, err
	}
	if len(t.Instantiate) != 1 || len(t.Execute) != 1 || len(t.CPU) != 1 {
		return 0, 0, errors.New("not one run")
	}
	return t.Instantiate[0] + t.Execute[0], t.CPU[0], nil
}
