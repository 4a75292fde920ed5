//go:build cgo && peers && unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/bytecodealliance/wasmtime-go/v37"
	"golang.org/x/sys/unix"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "wasmtime:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return errors.New("usage: wasmtime MODULE OUTPUT NAME [ARG]")
	}
	config := wasmtime.NewWasiConfig()
	config.SetArgv(args[2:])
	if err := config.SetStdoutFile(args[1]); err != nil {
		return err
	}
	engine := wasmtime.NewEngine()
	module, err := wasmtime.NewModuleFromFile(engine, args[0])
	if err != nil {
		return err
	}
	store, linker := wasmtime.NewStore(engine), wasmtime.NewLinker(engine)
	store.SetWasi(config)
	if err := linker.DefineWasi(); err != nil {
		return err
	}
	wall, cpu := time.Now(), cpuTime()
	if err := start(store, linker, module); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"wall_ms": time.Since(wall).Seconds() * 1000, "cpu_ms": (cpuTime() - cpu).Seconds() * 1000})
}

func start(store *wasmtime.Store, linker *wasmtime.Linker, module *wasmtime.Module) error {
	in, err := linker.Instantiate(store, module)
	if err != nil {
		return err
	}
	main := in.GetFunc(store, "_start")
	if main == nil {
		return errors.New("the module has no function _start")
	}
	_, err = main.Call(store)
	if exit, ok := errors.AsType[*wasmtime.Error](err); ok {
		if code, ok := exit.ExitStatus(); ok && code == 0 {
			return nil
		}
	}
	return err
}

func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
