package corpus

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"sojourn/examples/guests"
)

// Own returns the project's own guests with their short workloads, then its larger Go programs.
func Own() []Recipe {
	var all []Recipe
	for _, g := range guests.All() {
		all = append(all, ownGuest("own/"+g.Name, g, g.Short))
	}
	return append(all, jobs, orders)
}

// OwnLong returns the guests that have a long workload with it. What they print is not known
// beforehand: compare two runs.
func OwnLong() []Recipe {
	var all []Recipe
	for _, g := range guests.All() {
		if g.Long != nil {
			all = append(all, ownGuest("long/"+g.Name, g, g.Long))
		}
	}
	return all
}

func ownGuest(name string, g guests.Guest, args []string) Recipe {
	return Recipe{Name: name, Origin: "examples/guests", make: func(ctx context.Context) (Program, error) {
		module, err := guests.Module(g.Name)
		if err != nil {
			return Program{}, err
		}
		sum := sha256.Sum256(module)
		dir, err := entry(ctx, "own-"+g.Name, []string{string(sum[:])}, func(_ context.Context, dir string) error {
			return os.WriteFile(filepath.Join(dir, "guest.wasm"), module, 0o644)
		})
		p := Program{
			Module: filepath.Join(dir, "guest.wasm"),
			Args:   append([]string{g.Name}, args...),
			Stdin:  g.Stdin,
			Exit:   g.Exit,
		}
		if g.Dir {
			p.Mounts = []Mount{{Guest: "/"}}
		}
		return p, err
	}}
}

// jobs and orders are the larger Go programs; their modules are not in the repository, so they are built.
var (
	jobs = ownGo("jobs", guests.JobsSource, func(p *Program, n int) { p.Args = []string{"jobs", strconv.Itoa(200 * n)} })

	orders = ownGo("orders", guests.OrdersSource, func(p *Program, n int) { p.Stdin = guests.Orders(1000 * n) })
)

// ownGo is a Go program of one file, examples/guests/go/name/main.go.
func ownGo(name, source string, size func(p *Program, n int)) Recipe {
	return Recipe{Name: "own/go-" + name, Origin: "examples/guests/go/" + name, make: func(ctx context.Context) (Program, error) {
		files := map[string]string{"main.go": source, "go.mod": "module " + name + "\n\ngo 1.26\n"}
		key := []string{source, runtime.Version()}
		dir, err := entry(ctx, "own-go-"+name, key, func(ctx context.Context, dir string) error {
			if err := writeAll(dir, files); err != nil {
				return err
			}
			return goBuild(ctx, dir, name+".wasm", "build", ".")
		})
		p := Program{Module: filepath.Join(dir, name+".wasm"), Args: []string{name}, size: size}
		size(&p, 1)
		return p, err
	}}
}
