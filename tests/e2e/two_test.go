package e2e

import (
	"strings"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestTwoJobsOnOneOutput starts a second job, by another id, on an output that a first is writing: it is refused by name while the first lives.
func TestTwoJobsOnOneOutput(t *testing.T) {
	const n = 200
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Gate = make(chan struct{})
	b.Worker()
	b.Write("in", harness.Lines(n))
	args := []string{"in", "--output", "out", "--http", tg.Template(), "--timeout", "10m"}
	first := b.Longhaul(append(args, "--job", "one")...)
	b.Until("the first at work", func() bool { total, _, _ := tg.Counts(); return total > 0 })

	second := b.Longhaul(append(args, "--job", "two")...).Ended(1)
	if want := `job "one" (namespace ` + b.Namespace + `) is writing it`; !strings.Contains(second.Errs(), want) {
		t.Errorf("does not say %q: %s", want, second.Errs())
	}
	over := b.Longhaul(append(args, "--job", "two", "--overwrite")...).Ended(1)
	if !strings.Contains(over.Errs(), `job "one"`) {
		t.Errorf("with --overwrite: %s", over.Errs())
	}
	b.Spec("job.json", map[string]any{
		"input": b.Path("in"), "output": b.Path("out"), "task": map[string]any{"name": "http", "args": map[string]any{"url": tg.Template()}},
	})
	b.Temporal("workflow", "start", "--type", "Map", "--task-queue", "longhaul", "--workflow-id", "three", "--input-file", b.Path("job.json"))
	if out := string(b.Temporal("workflow", "result", "--workflow-id", "three", "--output", "json")); !strings.Contains(out, "OutputClaimed") {
		t.Errorf("a job started by Temporal's own command: %s", out)
	}

	close(tg.Gate)
	first.Ended(0)
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)

	// Now that the first is over, another id is as good.
	if again := b.Longhaul(append(args, "--job", "two")...).Ended(0); !strings.Contains(again.Out(), "already done") {
		t.Errorf("after the end: %s", again.Out())
	}
}

// TestTwoServersOnOneOutput has a job on another Temporal server, which knows nothing of the first: the locks of the segments tell.
func TestTwoServersOnOneOutput(t *testing.T) {
	const n = 200
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Gate = make(chan struct{})
	b.Write("in", harness.Lines(n))
	args := []string{"in", "--output", "out", "--http", tg.Template(), "--timeout", "10m"}
	first := b.Embedded("state1", args...)
	b.Until("the first at work", func() bool { total, _, _ := tg.Counts(); return total > 0 })
	second := b.Embedded("state2", args...).Ended(1)
	if !strings.Contains(second.Errs(), "is writing it") {
		t.Errorf("said: %s", second.Errs())
	}
	close(tg.Gate)
	first.Ended(0)
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)
}

// TestTwoStartersAtOnce runs the same command twice at the same moment.
func TestTwoStartersAtOnce(t *testing.T) {
	const n = 500
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	b.Write("in", harness.Lines(n))
	args := []string{"in", "--output", "out", "--http", tg.Template(), "--timeout", "10m"}
	one, two := b.Embedded("state", args...), b.Embedded("state", args...)
	one.Ended(0)
	two.Ended(0)
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)
}
