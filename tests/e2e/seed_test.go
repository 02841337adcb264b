package e2e

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestSeedPrograms runs the example as a newcomer does.
func TestSeedPrograms(t *testing.T) {
	b := harness.NewAlone(t)
	slowapi := b.Path("slowapi")
	if out, err := exec.Command("go", "build", "-o", slowapi, "github.com/longhaul/longhaul/examples/slowapi").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	harness.Must(t, harness.FreePorts(b.Path("state")))
	b.Env = append(b.Env, "LONGHAUL="+harness.LonghaulProgram, "SLOWAPI="+slowapi, "SEED_DIR="+b.Dir)
	out := b.Start(example(t, "seed.sh"), "--embedded", "--state-dir", b.Path("state")).Ended(0).Out()
	if !strings.Contains(out, "-- doubled: 2 4 6 8 10\n") {
		t.Error("the numbers are not doubled, or not in order")
	}
	if ratio := regexp.MustCompile(`(?m)^ratio: [0-9]+\.[0-9]{2}, and the outputs are the same$`); !ratio.MatchString(out) {
		t.Error("no ratio")
	}
	want := `^(\{"number":(\d+),"square":\d+\}\n){10}$`
	if !regexp.MustCompile(want).Match(b.Read("concurrent.jsonl")) || !strings.HasSuffix(string(b.Read("concurrent.jsonl")), `{"number":10,"square":100}`+"\n") {
		t.Errorf("the answers: %s", b.Read("concurrent.jsonl"))
	}
	// One by one, each finishes before the next starts; at once, they do not.
	sequential := steps(t, b, "sequential.log")
	if sequential != strings.Repeat("started finished ", 10) {
		t.Errorf("one by one: %s", sequential)
	}
	if at := steps(t, b, "concurrent.log"); strings.Count(at, "started ") != 10 || strings.Count(at, "finished ") != 10 || at == sequential {
		t.Errorf("at once: %s", at)
	}
}

// steps is what the API told, in order.
func steps(t *testing.T, b *harness.Bench, log string) string {
	t.Helper()
	var s strings.Builder
	for line := range strings.Lines(string(b.Read(log))) {
		fields := strings.Fields(line) // 0.123 s started 7
		if len(fields) != 4 {
			t.Fatalf("%s: %q", log, line)
		}
		s.WriteString(fields[2] + " ")
	}
	return s.String()
}
