package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestBenchMoveRefuses(t *testing.T) {
	for _, args := range [][]string{{"--memory", "1KiB"}, {"--writes", "2GiB"}, {"--moves", "0"}, {"--memory", "much"}} {
		var out, errs bytes.Buffer
		if code := run(append([]string{"bench", "move"}, args...), &out, &errs); code != exitUsage || !strings.Contains(errs.String(), args[1]) {
			t.Errorf("%q ends with %d: %s", args, code, errs.String())
		}
	}
}
