package conformance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// wazeroCase is one thing that wazero's own tests do with the programs in its module.
type wazeroCase struct {
	file   string // below imports/wasi_snapshot_preview1/testdata
	args   []string
	stdin  string
	want   string // output; of a listing, in any order
	exit   uint32
	folder string // "dir" or "tons": what is at "/"
	client bool   // one connects, and says "wazero"
}

const notTerminals = "stdin isatty: false\nstdout isatty: false\nstderr isatty: false\n/ isatty: false\n"

// tons is how many files the large folder has.
const tons = 8096

// listings are the toolchains whose programs list folders, and whether they show "." too.
var listings = map[string]bool{"cargo-wasi/wasi.wasm": false, "tinygo/wasi.wasm": false, "zig-cc/wasi.wasm": true, "zig/wasi.wasm": false}

func wazeroCases() []wazeroCase {
	list := []wazeroCase{
		{file: "exit_on_start.wasm", exit: 2},
		{file: "print_args.wasm", args: []string{"a"}, want: "a\x00"},
		{file: "print_prestat_dirname.wasm", want: "/", folder: "dir"},
		{file: "zig/wasi.wasm", args: []string{"wasi", "preopen"}, want: "0: stdin\n1: stdout\n2: stderr\n3: /\n", folder: "dir"},
		{file: "zig-cc/wasi.wasm", args: []string{"wasi", "poll"}, stdin: "test", want: "STDIN\n"},
		{file: "zig-cc/wasi.wasm", args: []string{"wasi", "poll", "0", "500"}, stdin: "test", want: "STDIN\n"},
		{file: "zig-cc/wasi.wasm", args: []string{"wasi", "poll", "0", "500"}, want: "STDIN\n"},
		{file: "zig-cc/wasi.wasm", args: []string{"wasi", "sleepmillis", "100"}, want: "OK\n"},
		{file: "zig-cc/wasi.wasm", args: []string{"wasi", "open-rdonly"}, want: "OK\n", folder: "dir"},
		{file: "zig-cc/wasi.wasm", args: []string{"wasi", "open-wronly"}, want: "OK\n", folder: "dir"},
		{file: "zig-cc/wasi.wasm", args: []string{"wasi", "sock"}, want: "wazero\n", client: true},
		{file: "cargo-wasi/wasi.wasm", args: []string{"wasi", "sock"}, want: "wazero\n", client: true},
		{file: "go/wasi.go", args: []string{"wasi", "ls", ".", "repeat"}, want: "./-\n./a-\n./ab-\n./-\n./a-\n./ab-\n", folder: "dir"},
		{file: "go/wasi.go", args: []string{"wasi", "stat"}, want: notTerminals, folder: "dir"},
		{file: "go/wasi.go", args: []string{"wasi", "sock"}, want: "wazero\n", client: true},
		{file: "go/wasi.go", args: []string{"wasi", "stdin"}, stdin: "foo", want: "foo"},
	}
	var many strings.Builder
	for i := range tons {
		fmt.Fprintf(&many, "./%d\n", i)
	}
	for file, dots := range listings {
		self := ""
		if dots {
			self = "./.\n./..\n"
		}
		const entries = "./-\n./a-\n./ab-\n"
		ls := func(want, folder string, args ...string) {
			list = append(list, wazeroCase{file: file, args: append([]string{"wasi", "ls"}, args...), want: want, folder: folder})
		}
		ls(self, "dir", "./a-")
		if file != "tinygo/wasi.wasm" { // which takes EBADF for this: wazero's answer, and not Linux's or ours
			ls("ENOTDIR\n", "dir", "-")
		}
		ls(self+entries, "dir", ".")
		if file != "tinygo/wasi.wasm" { // whose library cannot rewind
			ls(self+entries+self+entries, "dir", ".", "repeat")
		}
		if strings.HasPrefix(file, "zig") { // the others' take too long
			ls(self+many.String(), "tons", ".")
		}
		list = append(list, wazeroCase{file: file, args: []string{"wasi", "stat"}, want: notTerminals, folder: "dir"})
	}
	slices.SortStableFunc(list, func(a, b wazeroCase) int { return strings.Compare(a.file, b.file) })
	return list
}

// wazeroPrograms runs the programs that wazero's tests use, compiled by other toolchains.
func wazeroPrograms(t *testing.T, ts tallies) {
	var mu sync.Mutex
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatalf("find wazero's module: %v", err)
	}
	root := filepath.Join(strings.TrimSpace(string(dir)), "imports", "wasi_snapshot_preview1", "testdata")
	folders := wazeroFolders(t)
	progs := map[string]*prepared{}
	for _, c := range wazeroCases() {
		if progs[c.file] == nil {
			progs[c.file] = prepare(t, wazeroModule(t, filepath.Join(root, c.file)))
		}
		t.Run(c.file+"/"+strings.Join(c.args, " ")+c.stdin, func(t *testing.T) {
			t.Parallel()
			g := guest{name: c.file, prog: progs[c.file], args: c.args, stdin: c.stdin, exit: c.exit, most: freezes}
			if c.folder == "tons" {
				g.most = 10 // each with the whole listing
			}
			if c.folder != "" {
				g.mounts = []mount{{guest: "/", from: filepath.Join(folders, c.folder)}}
			}
			if c.client {
				g.network = greeting
			}
			right := [ways]bool{true, true, true}
			g.everyWay(t, func(w way, o outcome) {
				if o.err != nil || o.exit != c.exit || inOrder(o.stdout) != inOrder(c.want) {
					right[w] = false
					t.Errorf("%v: exit %d, %v; it says %.2000q, want %.2000q\n%s", w, o.exit, o.err, o.stdout, c.want, o.stderr)
				}
			})
			mu.Lock()
			defer mu.Unlock()
			n := ts.of(c.file, c.file)
			n.checks++
			for w := range ways {
				if right[w] {
					n.passed[w]++
				}
			}
		})
	}
}

func wazeroModule(t *testing.T, file string) []byte {
	if filepath.Ext(file) == ".go" {
		return compile(t, file)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wazeroFolders makes the folders that the programs list.
func wazeroFolders(t *testing.T) string {
	root := t.TempDir()
	names := []string{"dir/-", "dir/ab-"}
	for i := range tons {
		names = append(names, fmt.Sprintf("tons/%d", i))
	}
	for _, dir := range []string{"dir/a-", "tons"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// inOrder sorts lines: folders have no order that programs may count on.
func inOrder(s string) string {
	lines := strings.Split(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
