package corpus

import (
	"context"
	"path/filepath"
)

// keeper is a program of our own around SQLite; see testdata/keeper.
var keeper = Recipe{Name: "own/keeper", Origin: "testdata/keeper, on the SQLite of npm " + sqlitePack, make: makeKeeper}

var keeperFlags = []string{
	"-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_OMIT_WAL",
	"-D_WASI_EMULATED_PROCESS_CLOCKS", "-D_WASI_EMULATED_GETPID", "-D_WASI_EMULATED_MMAN",
	"keeper.c", "-lwasi-emulated-process-clocks", "-lwasi-emulated-getpid", "-lwasi-emulated-mman", "-lm",
}

// Keeper runs a program that keeps a database, a log and files that it replaces in the folder
// /data, as the lines of its input say.
func Keeper(tb TB) Program { tb.Helper(); return must(tb, keeper) }

func makeKeeper(ctx context.Context) (Program, error) {
	library, err := makeSQLite(ctx)
	if err != nil {
		return Program{}, err
	}
	files, key, err := embedded("keeper")
	if err != nil {
		return Program{}, err
	}
	key = append(append(key, sqliteSum), keeperFlags...)
	dir, err := entry(ctx, "keeper", key, func(ctx context.Context, dir string) error {
		if err := writeAll(dir, files); err != nil {
			return err
		}
		source := filepath.Dir(library.Module)
		return clang(ctx, dir, "keeper.wasm", append([]string{"-I" + source, filepath.Join(source, "sqlite3.c")}, keeperFlags...)...)
	})
	return Program{
		Module: filepath.Join(dir, "keeper.wasm"),
		Args:   []string{"keeper", "/data"},
		Mounts: []Mount{{Guest: "/data"}},
	}, err
}
