package crash

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/tests/harness"
)

// TestFaultPoints dies exactly at each step that writes, the first time and later, and then runs the same command again.
func TestFaultPoints(t *testing.T) {
	const records = 600
	for _, point := range []string{
		"segment.frame", "segment.framed", "segment.seal", "segment.sealed",
		"output.write", "output.written", "output.synced", "manifest.written", "manifest.renamed", "manifest.synced",
		"Prepare", "ListChunks", "ProcessChunk", "AppendOutput",
	} {
		for _, c := range []struct {
			times int
			order string
		}{{1, "input"}, {2, "input"}, {2, "completion"}} {
			if point == "Prepare" && c.times > 1 {
				continue // a run passes it once
			}
			t.Run(fmt.Sprintf("%s %d in the order of %s", point, c.times, c.order), func(t *testing.T) {
				t.Parallel()
				b := harness.NewAlone(t)
				tg := harness.NewTarget(t, harness.Fixed(2*time.Millisecond))
				b.Write("in", harness.Lines(records))
				args := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", "16", "--order", c.order}
				b.Env = []string{fmt.Sprintf("%s=%s:%d", fault.Variable, point, c.times)}
				b.Embedded("state", args...).Ended(-1)
				b.Until("nothing in flight", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 0 })
				b.Env = nil
				b.Embedded("state", args...).Ended(0)
				if c.order == "input" {
					b.Same("out", harness.Oracle(records))
				} else {
					got, want := slices.Sorted(strings.Lines(string(b.Read("out")))), slices.Sorted(strings.Lines(string(harness.Oracle(records))))
					if !slices.Equal(got, want) {
						t.Errorf("%d lines, want %d, each once", len(got), len(want))
					}
				}
				b.Tidy("out")
				b.Start(harness.LonghaulProgram, "verify", "out").Ended(0)
				if total, _, _ := tg.Counts(); total > records+16 {
					t.Errorf("%d requests for %d records: more than the 16 in flight were repeated", total, records)
				}
				if again := b.Embedded("state", args...).Ended(0); !strings.Contains(again.Out(), "already done") {
					t.Errorf("a third time: %s", again.Out())
				}
			})
		}
	}
}
