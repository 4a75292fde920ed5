package corpus

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	bzip2Version = "1.0.8-5"
	bzip2Archive = "bzip2_1.0.8.orig.tar.gz"
	bzip2Sum     = "ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269"
	bzip2Folder  = "bzip2-1.0.8/"

	debianRelease = "bookworm"
)

var (
	bzip2   = Recipe{Name: "bzip2", Origin: "Debian source bzip2 " + bzip2Version, make: makeBzip2}
	bunzip2 = Recipe{Name: "bunzip2", Origin: bzip2.Origin, make: makeBunzip2}
)

var bzip2Flags = []string{
	"-D_FILE_OFFSET_BITS=64", "-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_PROCESS_CLOCKS",
	"blocksort.c", "bzip2.c", "bzlib.c", "compress.c", "crctable.c", "decompress.c", "huffman.c",
	"randtable.c", "stubs.c", "-lwasi-emulated-signal", "-lwasi-emulated-process-clocks",
}

// buildBzip2 returns the folder with bzip2.wasm and the samples of the source.
func buildBzip2(ctx context.Context) (string, error) {
	files, key, err := embedded("bzip2")
	if err != nil {
		return "", err
	}
	key = append(append(key, bzip2Version, bzip2Sum), bzip2Flags...)
	return entry(ctx, "bzip2", key, func(ctx context.Context, dir string) error {
		if err := aptSource(ctx, dir, "bzip2="+bzip2Version); err != nil {
			return err
		}
		archive := filepath.Join(dir, bzip2Archive)
		if err := verify(archive, bzip2Sum); err != nil {
			return err
		}
		if err := untar(archive, dir, bzip2Folder); err != nil {
			return err
		}
		if err := writeAll(dir, files); err != nil {
			return err
		}
		return clang(ctx, dir, "bzip2.wasm", bzip2Flags...)
	})
}

// aptSource fetches a Debian source package into dir, with lists of its own: the machine's apt
// usually has no deb-src line, and needs none.
func aptSource(ctx context.Context, dir, source string) error {
	apt := filepath.Join(dir, "apt")
	defer os.RemoveAll(apt)
	if err := os.MkdirAll(filepath.Join(apt, "lists", "partial"), 0o755); err != nil {
		return err
	}
	line, err := debianSource(ctx)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(apt, "sources.list"), []byte(line), 0o644); err != nil {
		return err
	}
	options := []string{
		"-q", "-o", "Dir::Etc::SourceList=" + filepath.Join(apt, "sources.list"),
		"-o", "Dir::Etc::SourceParts=/dev/null", "-o", "Dir::State::Lists=" + filepath.Join(apt, "lists"),
		"-o", "Dir::Cache=" + apt, "-o", "APT::Sandbox::User=root",
	}
	for _, args := range [][]string{{"update"}, {"source", "--download-only", source}} {
		c := command{tool: "apt-get", install: installApt, dir: dir, args: append(options[:len(options):len(options)], args...)}
		if _, err := c.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// debianSource returns a deb-src line for the repository from which the machine's apt has
// the main part of the release.
func debianSource(ctx context.Context) (string, error) {
	out, err := command{tool: "apt-get", install: installApt,
		args: []string{"indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"}}.run(ctx)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 3 && f[1] == debianRelease && f[2] == "main" {
			return "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] " + strings.Join(f, " ") + "\n", nil
		}
	}
	return "", fmt.Errorf("apt on this machine has no %s main, whose sources are needed", debianRelease)
}

func makeBzip2(ctx context.Context) (Program, error) {
	dir, err := buildBzip2(ctx)
	p := Program{
		Module: filepath.Join(dir, "bzip2.wasm"),
		Args:   []string{"bzip2", "-9", "-c"},
		size:   func(p *Program, n int) { p.Stdin = records(n * 12000) },
	}
	p.size(&p, 1)
	return p, err
}

func makeBunzip2(ctx context.Context) (Program, error) {
	dir, err := buildBzip2(ctx)
	if err != nil {
		return Program{}, err
	}
	sample, err := os.ReadFile(filepath.Join(dir, "sample1.bz2"))
	return Program{
		Module: filepath.Join(dir, "bzip2.wasm"),
		Args:   []string{"bzip2", "-d", "-c"},
		Stdin:  string(sample),
		size:   func(p *Program, n int) { p.Stdin = strings.Repeat(string(sample), n) },
	}, err
}

// records returns n lines of text, always the same, that compress neither very well nor very badly.
func records(n int) string {
	var b strings.Builder
	for i, x := 0, uint32(1); i < n; i++ {
		x = x*1664525 + 1013904223
		fmt.Fprintf(&b, "record %d: %08x %s\n", i, x, strings.Repeat("abcdefg"[x>>29:], 1+int(x>>27&3)))
	}
	return b.String()
}
