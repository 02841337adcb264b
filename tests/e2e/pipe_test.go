package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// shouted is what a program that puts < and > around a line answers for lines of numbers.
func shouted(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "<%d>\n", i+1)
	}
	return b.Bytes()
}

// TestPipeKeepsOrderThroughDeaths feeds programs that die every so often, of which no more run at once than the cap allows.
func TestPipeKeepsOrderThroughDeaths(t *testing.T) {
	const n, limit = 5_000, 4
	b := harness.New(t)
	b.Worker()
	b.Write("in", harness.Lines(n))
	b.Write("started", nil)
	script := `echo $$ >> started; i=0; while read -r l; do i=$((i+1)); [ $i = 500 ] && exit 9; echo "<$l>"; done`
	b.Longhaul("in", "--output", "out", "--concurrency", fmt.Sprint(limit), "--pipe", "--", "sh", "-c", "cd "+b.Dir+"; "+script).Ended(0)
	b.Same("out", shouted(n))
	if got := bytes.Count(b.Read("started"), []byte{'\n'}); got < n/500 || got > 4*n/500 {
		t.Errorf("%d programs were started", got)
	}
}

func TestAsyncPipeKeepsOrder(t *testing.T) {
	const n = 20_000
	b := harness.New(t)
	b.Worker()
	b.Write("in", harness.Lines(n))
	b.Longhaul("in", "--output", "out", "--concurrency", "50", "--pipe=async", "--",
		"sed", "-u", `s/"record":.*"input":"\(.*\)"/"output":"<\1>"/`).Ended(0)
	b.Same("out", shouted(n))
}

// TestPipeProgramsEndWithTheJob: nothing of them is left when the job is done.
func TestPipeProgramsEndWithTheJob(t *testing.T) {
	for _, mode := range []string{"lines", "async"} {
		t.Run(mode, func(t *testing.T) {
			b := harness.New(t)
			b.Worker()
			b.Write("in", harness.Lines(10))
			b.Longhaul("in", "--output", "out", "--concurrency", "2", "--pipe="+mode, "--",
				"sh", "-c", `echo began >> "$1"; sed -u 's/"record":.*"input":/"output":/'; echo ended >> "$1"`, "sh", b.Path("log")).Ended(0)
			b.Until("each program read the end of its input", func() bool {
				log := string(b.Read("log"))
				return strings.Count(log, "began") > 0 && strings.Count(log, "began") == strings.Count(log, "ended")
			})
		})
	}
}

// TestAProgramThatCannotAnswerFailsItsRecords: the message says how it ended and what it said.
func TestAProgramThatCannotAnswerFailsItsRecords(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	b.Write("in", harness.Lines(3))
	for mode, want := range map[string]string{
		"lines": "program sh: it ended without an answer: exit status 7: no licence",
		"async": "program sh: exit status 7: no licence",
	} {
		b.Longhaul("in", "--output", mode, "--retries", "2", "--pipe="+mode, "--", "sh", "-c", "echo no licence >&2; exit 7").Ended(3)
		b.Same(mode, []byte("\n\n\n"))
		if errs := string(b.Read(mode + ".longhaul/errors.jsonl")); strings.Count(errs, want) != 3 || strings.Count(errs, `"tries":2`) != 3 {
			t.Errorf("errors: %s", errs)
		}
	}
}
