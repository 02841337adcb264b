package crash

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/tests/harness"
)

// TestRetryFaultPoints dies at each step of a retry that writes: the output, its errors file and its manifest are the old ones or the new ones, which longhaul verify finds right, and the same command
// brings the new ones about. Whatever was asked for once is not asked for again, but for what was in flight.
func TestRetryFaultPoints(t *testing.T) {
	const records = 300
	for _, point := range []string{
		"Prepare", "ListChunks", "ProcessChunk", "AppendOutput", "segment.framed", "manifest.renamed", "manifest.renamed:2", "manifest.renamed:3", "manifest.renamed:4",
		"patch.write", "patch.synced", "patch.pending", "patch.renamed", "patch.renamed:2", "patch.done", "PatchOutput",
	} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			b := harness.NewAlone(t)
			tg := harness.NewTarget(t, harness.Fixed(time.Millisecond))
			var well atomic.Bool
			tg.Refuses = func(record string) bool {
				n, err := strconv.Atoi(record)
				return err == nil && (n%3 == 0 && !well.Load() || n%30 == 0)
			}
			b.Write("in", harness.Lines(records))
			run := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", "16", "--max-failures", "100%"}
			b.Embedded("state", run...).Ended(3)
			before, beforeErrors := b.Read("out"), b.Read("out.longhaul/errors.jsonl")
			well.Store(true)
			after, afterErrors := patched(records)

			again := []string{"retry", "out", "--concurrency", "16", "--embedded", "--state-dir", b.Path("state"), "--progress", "none"}
			b.Env = []string{fault.Variable + "=" + point}
			b.Start(harness.LonghaulProgram, again...).Ended(-1)
			b.Until("nothing in flight", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 0 })
			b.Env = nil

			b.Verify("out").Ended(0)
			if out := b.Read("out"); !bytes.Equal(out, before) && !bytes.Equal(out, after) {
				t.Error("the output is neither the old one nor the new one")
			}
			if errs := b.Read("out.longhaul/errors.jsonl"); !bytes.Equal(errs, beforeErrors) && !bytes.Equal(errs, afterErrors) {
				t.Error("the errors file is neither the old one nor the new one")
			}
			told := b.Start(harness.LonghaulProgram, "errors", "out", "--samples", "0").Ended(0).Out()
			if !strings.Contains(told, "100 of 300 records failed") && !strings.Contains(told, "10 of 300 records failed") {
				t.Errorf("longhaul errors says %s", told)
			}

			b.Start(harness.LonghaulProgram, again...).Ended(3)
			b.Same("out", after)
			b.Same("out.longhaul/errors.jsonl", afterErrors)
			b.Verify("out").Ended(0)
			b.Tidy("out")
			if total, _, _ := tg.Counts(); total > records+100+16+10 {
				t.Errorf("%d requests for %d records and %d retried ones", total, records, 100)
			}
			if done := b.Embedded("state", run...).Ended(3); !strings.Contains(done.Out(), "already done: 300 records, 10 failed") {
				t.Errorf("the job's own command says %s", done.Out())
			}
		})
	}
}

// patched is the output and the errors file after the retry.
func patched(records int) (out, errs []byte) {
	for i := range records {
		r := strconv.Itoa(i + 1)
		if (i+1)%30 == 0 {
			out = append(out, "null\n"...)
			errs = fmt.Appendf(errs, `{"record":%d,"input":"%s","error":"HTTP 404 Not Found: refused","tries":1}`+"\n", i, r)
		} else {
			out = fmt.Appendf(out, "%q\n", harness.Answer(r))
		}
	}
	return out, errs
}
