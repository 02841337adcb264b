package e2e

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/tests/harness"
)

// TestStdinOfACompleteJob is not kept; the same command says that the job is done, given nothing or the same.
func TestStdinOfACompleteJob(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	args := []string{"-", "--output", "out", "--task", "echo"}
	b.Stdin = harness.Lines(2_000)
	b.Longhaul(args...).Ended(0)
	b.Same("out", harness.Lines(2_000))
	b.Tidy("out")
	for name, given := range map[string][]byte{"nothing": nil, "the same": harness.Lines(2_000)} {
		b.Stdin = given
		if again := b.Longhaul(args...).Ended(0); !strings.Contains(again.Out(), "already done: 2,000 records") {
			t.Errorf("%s: %s", name, again.Out())
		}
	}
	b.Stdin = harness.Lines(5)
	b.Longhaul(append(args, "--overwrite")...).Ended(0)
	b.Same("out", harness.Lines(5))
	b.Tidy("out")
}

// TestKilledWithAnyInput dies at steps of the taking of an input and of the work on it, and then runs the same command again. Where standard input was not
// yet kept whole, it must be given again.
func TestKilledWithAnyInput(t *testing.T) {
	const records = 600
	rows := []byte("name,id\r\n")
	for i := range records {
		rows = fmt.Appendf(rows, "\"a\n\"\"b\"\"\",%d\r\n", i+1)
	}
	plain := harness.Lines(records)
	for _, c := range []struct {
		name   string
		files  map[string][]byte
		stdin  []byte
		args   string
		points []string
		again  []string // of points after which standard input must be given again
	}{
		{"csv", map[string][]byte{"in": rows}, nil, "in --input-format csv", []string{"ProcessChunk:2", "AppendOutput:2"}, nil},
		{"gzip", map[string][]byte{"in": gzipped(t, plain)}, nil, "in", []string{"unpack.part", "unpack.written", "unpack.renamed", "AppendOutput:2"}, nil},
		{"stdin", nil, plain, "-", []string{"stdin.part", "stdin.renamed", "segment.framed:50"}, []string{"stdin.part"}},
	} {
		for _, point := range c.points {
			t.Run(c.name+" "+point, func(t *testing.T) {
				t.Parallel()
				b := harness.NewAlone(t)
				tg := harness.NewTarget(t, harness.Fixed(2*time.Millisecond))
				for name, content := range c.files {
					b.Write(name, content)
				}
				template := tg.Template()
				if strings.Contains(c.args, "csv") {
					template = strings.ReplaceAll(template, "{{.}}", "{{.id}}")
				}
				args := append(strings.Fields(c.args), "--output", "out", "--http", template, "--concurrency", "16")
				b.Env, b.Stdin = []string{fault.Variable + "=" + point}, c.stdin
				b.Embedded("state", args...).Ended(-1)
				b.Until("nothing in flight", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 0 })
				b.Env, b.Stdin = nil, nil
				for _, p := range c.again {
					if p == point {
						b.Embedded("state", args...).Ended(1).Says("none is kept that was read to its end")
						b.Stdin = c.stdin
					}
				}
				b.Embedded("state", args...).Ended(0)
				b.Same("out", harness.Oracle(records))
				b.Tidy("out")
				b.Start(harness.LonghaulProgram, "verify", "out").Ended(0)
				if total, _, _ := tg.Counts(); total > records+16 {
					t.Errorf("%d requests for %d records: more than the 16 in flight were repeated", total, records)
				}
			})
		}
	}
}

// TestStdinIsReadInterruptibly ends while standard input gives nothing.
func TestStdinIsReadInterruptibly(t *testing.T) {
	b := harness.NewAlone(t)
	r, w, err := os.Pipe()
	harness.Must(t, err)
	defer w.Close()
	defer r.Close()
	b.StdinFile = r
	p := b.Embedded("state", "-", "--output", "out", "--task", "echo")
	p.Says("reading standard input")
	_, err = w.Write(bytes.Repeat([]byte("x\n"), 1000))
	harness.Must(t, err)
	p.Signal(2)
	p.Ended(130).Says("give it again")
	if _, err := os.Stat(b.Path("out")); !os.IsNotExist(err) {
		t.Errorf("the job was begun: %v", err)
	}
}
