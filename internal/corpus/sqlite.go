package corpus

import (
	"context"
	"fmt"
	"path/filepath"
)

const (
	sqlitePack    = "sqlite3@5.1.7" // an npm package that carries SQLite's own source archive
	sqliteSum     = "44cc9bdee02705a7b636f76968d745e21c1d0b2f1c62810c678bc3b0ececab1b"
	sqliteArchive = "sqlite-autoconf-3440200"
)

var sqlite = Recipe{Name: "sqlite", Origin: "npm " + sqlitePack, make: makeSQLite}

// sqliteFlags make the shell buildable for WASI, which has no processes, threads or file locks.
var sqliteFlags = []string{
	"-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_OMIT_POPEN",
	"-DSQLITE_NOHAVE_SYSTEM", "-DSQLITE_OMIT_WAL",
	"-D_WASI_EMULATED_PROCESS_CLOCKS", "-D_WASI_EMULATED_SIGNAL",
	"-D_WASI_EMULATED_GETPID", "-D_WASI_EMULATED_MMAN",
	"sqlite3.c", "shell.c", "stubs.c",
	"-lwasi-emulated-process-clocks", "-lwasi-emulated-signal",
	"-lwasi-emulated-getpid", "-lwasi-emulated-mman", "-lm",
}

func makeSQLite(ctx context.Context) (Program, error) {
	files, key, err := embedded("sqlite")
	if err != nil {
		return Program{}, err
	}
	key = append(append(key, sqlitePack, sqliteSum), sqliteFlags...)
	dir, err := entry(ctx, "sqlite", key, func(ctx context.Context, dir string) error {
		pack, err := npmPack(ctx, dir, sqlitePack, sqliteSum)
		if err != nil {
			return err
		}
		source := sqliteArchive + ".tar.gz"
		if err := untar(pack, dir, "package/deps/"+source); err != nil {
			return err
		}
		if err := untar(filepath.Join(dir, source), dir, sqliteArchive+"/"); err != nil {
			return err
		}
		if err := writeAll(dir, files); err != nil {
			return err
		}
		return clang(ctx, dir, "sqlite.wasm", sqliteFlags...)
	})
	if err != nil {
		return Program{}, err
	}
	script, err := testdata.ReadFile("testdata/workloads/sqlite.sql")
	resize := func(p *Program, n int) {
		p.Stdin = fmt.Sprintf("PRAGMA temp_store = MEMORY;\n.parameter set @n %d\n%s", n, script)
	}
	p := Program{
		Module: filepath.Join(dir, "sqlite.wasm"),
		Args:   []string{"sqlite3", "-batch", "-bail", "-vfs", "unix-none", "/db/work.db"},
		Mounts: []Mount{{Guest: "/db"}},
		size:   resize,
	}
	resize(&p, 1)
	return p, err
}
