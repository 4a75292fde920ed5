package proxy

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails when goroutines of ours are left at the end.
func TestMain(m *testing.M) {
	if os.Getenv(nodeDir) != "" {
		nodeProcess()
	}
	code := m.Run()
	if code == 0 {
		if left := leftover(); left != "" {
			fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", left)
			code = 1
		}
	}
	os.Exit(code)
}

func leftover() string {
	var ours []string
	for range 50 {
		ours = nil
		buf := make([]byte, 1<<20)
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(g, "sojourn/") && !strings.Contains(g, "TestMain") {
				ours = append(ours, g)
			}
		}
		if len(ours) == 0 {
			return ""
		}
		time.Sleep(100 * time.Millisecond)
	}
	return strings.Join(ours, "\n\n")
}
