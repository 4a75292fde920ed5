package corpus

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// root returns the cache's folder, which exists.
func root() (string, error) {
	dir := os.Getenv("SOJOURN_CORPUS")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no cache folder (set SOJOURN_CORPUS to one): %w", err)
		}
		dir = filepath.Join(user, "sojourn-corpus")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// entry returns the folder that fill once filled for name and key; key is whatever decides the
// contents. Concurrent processes that want one entry wait for the first of them. A fill that fails
// leaves nothing behind.
func entry(ctx context.Context, name string, key []string, fill func(ctx context.Context, dir string) error) (string, error) {
	base, err := root()
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(strings.Join(key, "\x00")))
	dir := filepath.Join(base, fmt.Sprintf("%s-%x", strings.ReplaceAll(name, "/", "-"), digest[:6]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	unlock, err := lockedfile.MutexAt(dir + ".lock").Lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	tmp, err := os.MkdirTemp(base, "filling-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	if err := fill(ctx, tmp); err != nil {
		return "", err
	}
	return dir, os.Rename(tmp, dir)
}

// workload returns a folder that holds what testdata has in its folder name.
func workload(ctx context.Context, name string) (string, error) {
	files, key, err := embedded(name)
	if err != nil {
		return "", err
	}
	return entry(ctx, name+"-workload", key, func(_ context.Context, dir string) error {
		return writeAll(dir, files)
	})
}

// embedded returns the files of testdata's folder name, and a cache key made of them.
func embedded(name string) (files map[string]string, key []string, err error) {
	files = map[string]string{}
	dir := path.Join("testdata", name)
	err = fs.WalkDir(testdata, dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := testdata.ReadFile(file)
		rel := strings.TrimPrefix(file, dir+"/")
		files[rel] = string(b)
		key = append(key, rel, string(b))
		return err
	})
	return files, key, err
}

func writeAll(dir string, files map[string]string) error {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
