package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestBenchRuns measures nothing: it runs the benchmark program on inputs so small that only its working shows, each candidate at least once
// where it is installed. What a candidate writes is compared with the sequential answer by the program itself.
func TestBenchRuns(t *testing.T) {
	b := harness.NewAlone(t)
	program := b.Path("bench")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/longhaul/longhaul/bench").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	page := "before\n<!-- figures: written by `make bench` from here on -->\n<!-- figures: to here -->\nafter\n"
	b.Write("benchmarks.md", []byte(page))
	loads := []string{"http", "small", "command", "scale", "startup"}
	out, err := exec.CommandContext(t.Context(), program, "-quick", "-longhaul", harness.LonghaulProgram, "-dir", b.Dir, "-docs", b.Dir,
		"-load", strings.Join(loads, ",")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	written := string(b.Read("benchmarks.md"))
	for _, load := range loads {
		if !strings.Contains(written, "| `"+load+"` | ") {
			t.Errorf("no figure of %s on the page", load)
		}
	}
	for _, own := range []string{"longhaul", "loop", "per-record", "exec-loop", "fresh state", "kept state"} {
		if !strings.Contains(written, " | "+own+" | ") {
			t.Errorf("%s was not measured", own)
		}
	}
	if !strings.HasPrefix(written, "before\n") || !strings.HasSuffix(written, "after\n") {
		t.Error("the rest of the page did not stay")
	}
	if left, err := filepath.Glob(b.Path("longhaul-bench-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
