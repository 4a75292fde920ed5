package corpus

import (
	"context"
	"path/filepath"
	"strconv"
)

const (
	// Of Debian's source only the test is used; its SQLite is an older one.
	speedtestSource  = "sqlite3"
	speedtestArchive = "sqlite3_3.40.1.orig.tar.xz"
	speedtestSum     = "aaa776260ab4dc976db34aa7891819484c8676b5b2783123ebc6301e2ca5d655"
	speedtestFile    = "sqlite3-3.40.1/test/speedtest1.c"
)

var speedtest = Recipe{
	Name:   "speedtest",
	Origin: "SQLite's speedtest1.c of Debian source sqlite3 3.40.1, on the SQLite of npm " + sqlitePack,
	make:   makeSpeedtest,
}

var speedtestFlags = []string{
	"-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_OMIT_WAL", "-DSQLITE_EXTRA_INIT=stop_clock",
	"-D_WASI_EMULATED_PROCESS_CLOCKS", "-D_WASI_EMULATED_GETPID", "-D_WASI_EMULATED_MMAN",
	"speedtest1.c", "clock.c",
	"-lwasi-emulated-process-clocks", "-lwasi-emulated-getpid", "-lwasi-emulated-mman", "-lm",
}

func makeSpeedtest(ctx context.Context) (Program, error) {
	library, err := makeSQLite(ctx)
	if err != nil {
		return Program{}, err
	}
	files, key, err := embedded("speedtest")
	if err != nil {
		return Program{}, err
	}
	key = append(append(key, sqliteSum, speedtestSum), speedtestFlags...)
	dir, err := entry(ctx, "speedtest", key, func(ctx context.Context, dir string) error {
		if err := aptSource(ctx, dir, speedtestSource); err != nil {
			return err
		}
		if err := verify(filepath.Join(dir, speedtestArchive), speedtestSum); err != nil {
			return err
		}
		untar := command{tool: "tar", install: "apt-get install -y tar xz-utils", dir: dir,
			args: []string{"-xJf", speedtestArchive, "--strip-components=2", speedtestFile}}
		if _, err := untar.run(ctx); err != nil {
			return err
		}
		if err := writeAll(dir, files); err != nil {
			return err
		}
		source := filepath.Dir(library.Module)
		return clang(ctx, dir, "speedtest.wasm", append([]string{"-I" + source, filepath.Join(source, "sqlite3.c")}, speedtestFlags...)...)
	})
	return Program{
		Module: filepath.Join(dir, "speedtest.wasm"),
		Args:   []string{"speedtest", "--verify", "--memdb", "--size", "1"},
		size:   func(p *Program, n int) { p.Args[4] = strconv.Itoa(n) },
	}, err
}
