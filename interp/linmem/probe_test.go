package linmem

import "testing"

func TestProbe(t *testing.T) {
	for _, m := range Probe() {
		t.Logf("%s: %v", m.Name, m.Err)
	}
}
