package spectest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// proposals are the folders of scripts, in the order of the table. Those of version 1
// are among those of version 2.
var proposals = []string{"v2", "extended-const", "tail-call", "exception-handling"}

// script is one file of the tests.
type script struct {
	proposal, name string
	dir            string
	Commands       []command
}

// command is one step of a script, as wast2json writes it.
type command struct {
	Type       string
	Line       int
	Name       string // of a module
	Filename   string
	As         string // what a module is registered as
	Action     action
	Expected   []value
	ModuleType string `json:"module_type"`
	Text       string // of a trap, or why a module is refused
}

type action struct {
	Type   string // "invoke" or "get"
	Module string
	Field  string
	Args   []value
}

// specRoot is the folder of wazero's module that has the tests.
var specRoot = sync.OnceValues(func() (string, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	return filepath.Join(strings.TrimSpace(string(dir)), "internal", "integration_test", "spectest"), err
})

// scripts reads the scripts of a proposal.
func scripts(t testing.TB, proposal string) []*script {
	t.Helper()
	root, err := specRoot()
	if err != nil {
		t.Fatalf("find wazero's module: %v", err)
	}
	dir := filepath.Join(root, proposal, "testdata")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in %s: %v", dir, err)
	}
	var all []*script
	for _, f := range files {
		s := &script{proposal: proposal, name: strings.TrimSuffix(filepath.Base(f), ".json"), dir: dir}
		if err := json.Unmarshal(readFile(t, f), s); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all = append(all, s)
	}
	return all
}

func (s *script) module(t testing.TB, c *command) []byte {
	return readFile(t, filepath.Join(s.dir, c.Filename))
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
