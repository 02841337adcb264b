package crash

import (
	"fmt"
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
		for _, times := range []int{1, 2} {
			if point == "Prepare" && times > 1 {
				continue // a run passes it once
			}
			t.Run(fmt.Sprintf("%s %d", point, times), func(t *testing.T) {
				t.Parallel()
				b := harness.NewAlone(t)
				tg := harness.NewTarget(t, harness.Fixed(2*time.Millisecond))
				b.Write("in", harness.Lines(records))
				args := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", "16"}
				b.Env = []string{fmt.Sprintf("%s=%s:%d", fault.Variable, point, times)}
				b.Embedded("state", args...).Ended(-1)
				b.Until("nothing in flight", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 0 })
				b.Env = nil
				b.Embedded("state", args...).Ended(0)
				b.Same("out", harness.Oracle(records))
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
