package web_test

import (
	"os/exec"
	"testing"
)

// TestClient runs the tests of client/sojourn.js, which node's own runner runs.
func TestClient(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("there is no node here (18 or later): apt-get install -y nodejs")
	}
	c := exec.CommandContext(t.Context(), node, "--test", "client/sojourn.test.js")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v\n%s", c, err, out)
	}
}
