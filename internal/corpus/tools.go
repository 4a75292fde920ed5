package corpus

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// What installs the tools, as a user of Debian 12 would type it.
const (
	installClang = "apt-get install -y clang lld wasi-libc libclang-rt-14-dev-wasm32"
	installRust  = "apt-get install -y rustc libstd-rust-dev-wasm32 librust-regex-dev lld"
	installNode  = "apt-get install -y npm"
	installApt   = "use a machine with Debian 12 (apt-get fetches the source of bzip2)"
)

// maxFetched bounds the size of one file taken out of a fetched archive.
const maxFetched = 256 << 20

// command is a tool, how to get it, and what to run it with.
type command struct {
	tool    string
	install string
	dir     string
	env     []string
	args    []string
}

// run runs the command and returns its standard output. Its error holds the end of what it said.
func (c command) run(ctx context.Context) (string, error) {
	path, err := exec.LookPath(c.tool)
	if err != nil {
		return "", fmt.Errorf("%s is not installed; to install it: %s", c.tool, c.install)
	}
	cmd := exec.CommandContext(ctx, path, c.args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said := stderr.Bytes()
		said = said[max(0, len(said)-4096):]
		return "", fmt.Errorf("%s %s: %w\n%s(if a part of the tool is missing: %s)",
			c.tool, strings.Join(c.args, " "), err, said, c.install)
	}
	return stdout.String(), nil
}

// clang compiles C sources in dir to the module out.
func clang(ctx context.Context, dir, out string, args ...string) error {
	args = append([]string{"--target=wasm32-wasi", "-O2", "-w", "-o", out}, args...)
	_, err := command{tool: "clang", install: installClang, dir: dir, args: args}.run(ctx)
	return err
}

// goBuild compiles for WASI in dir: sub is "build" or "test -c" as arguments.
func goBuild(ctx context.Context, dir, out string, sub ...string) error {
	_, err := command{
		tool: "go", install: "see https://go.dev/doc/install", dir: dir,
		env:  []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"},
		args: append(sub[:len(sub)-1:len(sub)-1], "-trimpath", "-o", out, sub[len(sub)-1]),
	}.run(ctx)
	return err
}

// npmPack fetches a package of the npm registry, pack as name@version, into dir and returns the
// archive's path. sum is the archive's SHA-256.
func npmPack(ctx context.Context, dir, pack, sum string) (string, error) {
	out, err := command{
		tool: "npm", install: installNode, dir: dir,
		args: []string{"pack", "--silent", "--ignore-scripts", pack},
	}.run(ctx)
	if err != nil {
		return "", err
	}
	lines := strings.Fields(out)
	if len(lines) == 0 {
		return "", fmt.Errorf("npm pack %s named no file", pack)
	}
	file := filepath.Join(dir, lines[len(lines)-1])
	return file, verify(file, sum)
}

// verify reports an error unless the file's SHA-256 is sum.
func verify(file, sum string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != sum {
		return fmt.Errorf("what was fetched as %s has SHA-256 %s, want %s", filepath.Base(file), got, sum)
	}
	return nil
}

// untar writes the files that the gzipped tar archive holds under their base names into dir, but
// only those that want names by full path or by a folder with a final slash.
func untar(archive, dir string, want ...string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(archive), err)
	}
	found := 0
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(archive), err)
		}
		if h.Typeflag != tar.TypeReg || !wanted(h.Name, want) {
			continue
		}
		if err := writeFile(filepath.Join(dir, filepath.Base(h.Name)), r, h.Size); err != nil {
			return err
		}
		found++
	}
	if found < len(want) {
		return fmt.Errorf("%s holds %d of the files %v", filepath.Base(archive), found, want)
	}
	return nil
}

func wanted(name string, want []string) bool {
	for _, w := range want {
		if name == w || strings.HasSuffix(w, "/") && strings.HasPrefix(name, w) {
			return true
		}
	}
	return false
}

func writeFile(name string, r io.Reader, size int64) error {
	if size > maxFetched {
		return fmt.Errorf("%s would have %d bytes, more than %d", filepath.Base(name), size, int64(maxFetched))
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(f, r, size); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
