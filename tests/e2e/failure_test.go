package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestFailedRecordsKeepTheirLine has a command fail for some records: exit status 3, holes in place, the errors in order.
func TestFailedRecordsKeepTheirLine(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	b.Write("in", []byte("1\n2\nx\n4\ny\n"))
	p := b.Longhaul("in", "--output", "out", "--task", "double", "--task-arg", "delay=1ms").Ended(3)
	b.Same("out", []byte("2\n4\n\n8\n\n"))
	b.Same("out.longhaul/errors.jsonl", []byte(
		`{"record":2,"input":"x","error":"\"x\" is not a number","tries":1}`+"\n"+
			`{"record":4,"input":"y","error":"\"y\" is not a number","tries":1}`+"\n"))
	if !strings.Contains(p.Out(), "errors: "+b.Path("out.longhaul/errors.jsonl")) {
		t.Errorf("said: %s", p.Out())
	}
	b.Longhaul("in", "--output", "json", "--format", "json", "--task", "double", "--task-arg", "delay=1ms").Ended(3)
	b.Same("json", []byte("2\n4\nnull\n8\nnull\n"))
	b.Longhaul("in", "--output", "multi", "--retries", "1", "--", "printf", "a\\nb%s", "{}").Ended(3)
	b.Same("multi", []byte("\n\n\n\n\n"))
	if got := string(b.Read("multi.longhaul/errors.jsonl")); !strings.Contains(got, "the result cannot be one line: it has 2") {
		t.Errorf("errors: %s", got)
	}
}

// TestRefusals meets each mistake of a user's: a message that names cause and remedy, the documented exit status, nothing touched.
func TestRefusals(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	b.Write("in", harness.Lines(5))
	b.Write("foreign", []byte("precious\n"))
	harness.Must(t, os.Mkdir(b.Path("folder"), 0o700))
	b.Longhaul("in", "--output", "done", "--task", "echo").Ended(0)
	for name, c := range map[string]struct {
		args   []string
		status int
		want   []string
	}{
		"input missing":       {[]string{"nowhere", "--output", "out", "--task", "echo"}, 1, []string{"nowhere", "no such file or directory"}},
		"input a folder":      {[]string{"folder", "--output", "out", "--task", "echo"}, 1, []string{"folder", "not a regular file"}},
		"output foreign":      {[]string{"in", "--output", "foreign", "--task", "echo"}, 1, []string{"foreign", "did not begin", "--overwrite"}},
		"output a folder":     {[]string{"in", "--output", "folder", "--task", "echo"}, 1, []string{"folder", "not a regular file"}},
		"output's folder":     {[]string{"in", "--output", "no/such/out", "--task", "echo"}, 1, []string{"no/such/out", "no such file or directory"}},
		"output the input":    {[]string{"in", "--output", "in", "--task", "echo"}, 2, []string{"the same file"}},
		"another task":        {[]string{"in", "--output", "done", "--", "cat"}, 1, []string{"its task is echo, not exec", "--overwrite"}},
		"another format":      {[]string{"in", "--output", "done", "--task", "echo", "--format", "json"}, 1, []string{"its format is text, not json"}},
		"no such command":     {[]string{"in", "--output", "c", "--", "no-such-program"}, 1, []string{"no-such-program", "not found", "install it on every worker"}},
		"no task":             {[]string{"in", "--output", "out"}, 2, []string{"no task given"}},
		"two tasks":           {[]string{"in", "--output", "out", "--task", "echo", "--", "cat"}, 2, []string{"more than one task"}},
		"bad template":        {[]string{"in", "--output", "out", "--http", "http://x/{{.nope"}, 2, []string{"url"}},
		"bad flag":            {[]string{"in", "--output", "out", "--concurency", "3"}, 2, []string{"unknown flag: --concurency"}},
		"concurrency of zero": {[]string{"in", "--output", "out", "--task", "echo", "--concurrency", "0"}, 2, []string{"--concurrency"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := b.Longhaul(c.args...).Ended(c.status)
			for _, want := range c.want {
				if !strings.Contains(p.Errs(), want) {
					t.Errorf("does not say %q: %s", want, p.Errs())
				}
			}
		})
	}
	b.Same("foreign", []byte("precious\n"))
	b.Same("done", harness.Lines(5))
}

// TestAnotherInputIsRefused changes the input of a finished job.
func TestAnotherInputIsRefused(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	in := b.Write("in", harness.Lines(5))
	b.Longhaul("in", "--output", "out", "--task", "echo").Ended(0)
	b.Write("in", harness.Lines(6))
	p := b.Longhaul("in", "--output", "out", "--task", "echo").Ended(1)
	if want := "its size was 10 bytes and is 12"; !strings.Contains(p.Errs(), want) {
		t.Errorf("does not say %q: %s", want, p.Errs())
	}
	b.Write("in", harness.Lines(5))
	when := time.Unix(1_000_000_000, 0)
	harness.Must(t, os.Chtimes(in, when, when))
	p = b.Longhaul("in", "--output", "out", "--task", "echo").Ended(1)
	if want := "if only its time changed, run touch -d"; !strings.Contains(p.Errs(), want) {
		t.Errorf("does not say %q: %s", want, p.Errs())
	}
	b.Same("out", harness.Lines(5))
}
