package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const (
	suite = "^(TestRecursionIsCounted|TestGenerated|TestOnceWrong|TestPointsAreExact|TestGoOnInPlace|TestTorture)$"
	// enough is how long the generated programs run before the other tests do, and
	// patience how long a mutant has to be noticed.
	enough   = 45 * time.Second
	patience = 2 * time.Minute
)

// verdict is what became of a mutant.
type verdict struct {
	mutant
	caught string // by which test; empty when by none
	says   string
	after  time.Duration // since the tests began to run
}

func main() {
	only := flag.String("run", "", "run only the mutants whose names match, and write no report")
	report := flag.String("report", "docs/MUTANTS.md", "file to write")
	flag.Parse()
	if err := all(*only, *report); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func all(only, report string) error {
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	var done []verdict
	var bad []error
	for _, m := range mutants {
		if !match.MatchString(m.name) {
			continue
		}
		v, err := try(m)
		if err != nil {
			bad = append(bad, fmt.Errorf("mutant %s: %w", m.name, err))
			continue
		}
		fmt.Printf("%-26s %-28s %5.1f s  %s\n", v.name, v.by(), v.after.Seconds(), v.says)
		done = append(done, v)
	}
	if only != "" || bad != nil {
		return errors.Join(bad...)
	}
	return os.WriteFile(report, []byte(table(done)), 0o666)
}

func (v *verdict) by() string {
	if v.caught == "" {
		return "NOT CAUGHT"
	}
	return v.caught
}

// mutate returns the source of a mutant's file with its fault.
func mutate(root string, m mutant) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(b), m.old); n != 1 {
		return nil, fmt.Errorf("what it replaces is %d times in %s, and must be once:\n%s", n, m.file, m.old)
	}
	return []byte(strings.Replace(string(b), m.old, m.new, 1)), nil
}

// try runs the tests on one mutant, until one of them fails.
func try(m mutant) (verdict, error) {
	v := verdict{mutant: m}
	b, err := mutate(".", m)
	if err != nil {
		return v, err
	}
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return v, err
	}
	defer os.RemoveAll(dir)
	overlay, err := writeOverlay(dir, m.file, b)
	if err != nil {
		return v, err
	}
	binary := filepath.Join(dir, "interp.test")
	if out, err := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", binary, "./interp").CombinedOutput(); err != nil {
		return v, fmt.Errorf("it does not compile: %w\n%s", err, out)
	}
	return v, v.run(binary)
}

func writeOverlay(dir, file string, b []byte) (string, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	mutated, overlay := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json")
	j, err := json.Marshal(map[string]any{"Replace": map[string]string{abs: mutated}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(mutated, b, 0o666); err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, j, 0o666)
}

// run runs the test binary and reads its output up to the first failure.
func (v *verdict) run(binary string) error {
	cmd := exec.Command(binary, "-test.v", "-test.failfast", "-test.run", suite,
		"-test.timeout", patience.String(), "-seed", "1", "-duration", enough.String(), "-shrink=false")
	cmd.Dir = "interp"
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	// Compiled code that never asks cannot be interrupted, not even by the tests' own timeout.
	hung := time.AfterFunc(patience+10*time.Second, func() { _ = cmd.Process.Kill() })
	defer hung.Stop()
	v.read(out)
	v.after = time.Since(start)
	if v.caught != "" {
		_ = cmd.Process.Kill() // it has said what it had to
	}
	_ = cmd.Wait()
	return nil
}

var (
	running = regexp.MustCompile(`^=== (?:RUN|NAME|CONT) +(\S+)`)
	logged  = regexp.MustCompile(`^ +\w+_test\.go:\d+: (.*)`)
	silent  = regexp.MustCompile(`repeat with|every \d+: \d+ points|\d+ programs in|engines differ|^guest trapped|^trap `)
	ended   = regexp.MustCompile(`^(?:\s*--- FAIL: (\S+)|panic: (.*)|fatal error: (.*)|SIG(.*))`)
)

// read follows the output of the tests. What a test logs that is no report of success
// is its failure.
func (v *verdict) read(out io.Reader) {
	test := ""
	sc := bufio.NewScanner(out)
	sc.Buffer(nil, 1<<24)
	for sc.Scan() {
		line := sc.Text()
		if m := running.FindStringSubmatch(line); m != nil {
			test = m[1]
		} else if m := logged.FindStringSubmatch(line); m != nil && !silent.MatchString(m[1]) {
			v.caught, v.says = test, short(m[1])
			return
		} else if m := ended.FindStringSubmatch(line); m != nil {
			v.caught, v.says = test, short(strings.TrimSpace(line))
			return
		} else if line == "PASS" {
			return
		}
	}
	v.caught, v.says = test, "it does not end"
}

// short is a line as it fits into a table.
func short(s string) string {
	s = strings.NewReplacer("|", "/", "`", "'").Replace(s)
	if r := []rune(s); len(r) > 140 {
		s = string(r[:140]) + "…"
	}
	return s
}

func table(vs []verdict) string {
	var b strings.Builder
	b.WriteString("# Mutants\n\nGenerated by `go run ./internal/mutants`: faults put into the rewriter and its host on purpose, and\n" +
		"which test noticed first, so many seconds after the tests began. The generated programs are of seed 1.\n\n" +
		"| mutant | what is wrong | caught by | after | what it said |\n|---|---|---|---|---|\n")
	n := 0
	for _, v := range vs {
		if v.caught != "" {
			n++
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %.1f s | %s |\n", v.name, v.what, v.by(), v.after.Seconds(), v.says)
	}
	fmt.Fprintf(&b, "\n%d of %d caught.\n", n, len(vs))
	return b.String()
}
