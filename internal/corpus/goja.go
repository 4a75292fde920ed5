package corpus

import (
	"context"
	"fmt"
	"path/filepath"
)

// The version of goja and its dependencies are pinned by testdata/goja's go.mod and go.sum, which
// are kept under other names so that the folder stays part of this module.
var goja = Recipe{
	Name:   "goja",
	Origin: "Go module github.com/dop251/goja v0.0.0-20260917113740-793a2a65c13b",
	make:   makeGoja,
}

func makeGoja(ctx context.Context) (Program, error) {
	files, key, err := embedded("goja")
	if err != nil {
		return Program{}, err
	}
	dir, err := entry(ctx, "goja", key, func(ctx context.Context, dir string) error {
		files := map[string]string{"go.mod": files["go.mod.txt"], "go.sum": files["go.sum.txt"]}
		if err := writeAll(dir, files); err != nil {
			return err
		}
		return goBuild(ctx, dir, "goja.wasm", "build", "github.com/dop251/goja/goja")
	})
	if err != nil {
		return Program{}, err
	}
	script, err := testdata.ReadFile("testdata/workloads/goja.js")
	resize := func(p *Program, n int) {
		p.Stdin = fmt.Sprintf("var N = %d;\n%s", n, script)
	}
	p := Program{
		Module: filepath.Join(dir, "goja.wasm"),
		Args:   []string{"goja"},
		Exit:   64, // the workload ends by throwing its output
		size:   resize,
	}
	resize(&p, 1)
	return p, err
}
