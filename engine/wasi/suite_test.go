package wasi_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sojourn/engine/wasi"
)

func TestSuiteTmp(t *testing.T) {
	files, _ := filepath.Glob("/tmp/wts/tests/*/testsuite/wasm32-wasip1/*.wasm")
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			var spec struct {
				Args     []string
				Env      map[string]string
				Dirs     []string
				Root     string `json:"root"`
				ExitCode uint32 `json:"exit_code"`
				Stdout   *string
			}
			if b, err := os.ReadFile(strings.TrimSuffix(f, ".wasm") + ".json"); err == nil {
				if err := json.Unmarshal(b, &spec); err != nil {
					t.Fatal(err)
				}
			}
			dir := t.TempDir()
			cfg := wasi.Config{Args: append([]string{filepath.Base(f)}, spec.Args...)}
			for k, v := range spec.Env {
				cfg.Env = append(cfg.Env, k+"="+v)
			}
			for _, d := range spec.Dirs {
				os.CopyFS(filepath.Join(dir, d), os.DirFS(filepath.Join(filepath.Dir(f), d)))
				cfg.Mounts = append(cfg.Mounts, wasi.Mount{Host: filepath.Join(dir, d), Guest: d})
			}
			if spec.Root != "" {
				os.CopyFS(filepath.Join(dir, spec.Root), os.DirFS(filepath.Join(filepath.Dir(f), spec.Root)))
				cfg.Mounts = append(cfg.Mounts, wasi.Mount{Host: filepath.Join(dir, spec.Root), Guest: "/"})
			}
			out, errs := wasi.NewBuffer(), wasi.NewBuffer()
			cfg.Stdout, cfg.Stderr = out, errs
			got, gotErr := output(t, out), output(t, errs)
			w, err := wasi.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			module, _ := os.ReadFile(f)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			code, err := runGuest(ctx, module, w)
			w.Close()
			if err != nil || code != spec.ExitCode || spec.Stdout != nil && *spec.Stdout != got() {
				t.Fatalf("code %d, err %.300v\n%s%s", code, err, got(), gotErr())
			}
		})
	}
}
