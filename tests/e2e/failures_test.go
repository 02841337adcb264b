package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// told is what longhaul errors --json prints.
type told struct {
	Records, Failed int64
	Complete        bool
	Causes          []struct {
		Cause   string
		Count   int64
		Samples []struct {
			Record int64
			Input  string
			Error  string
		}
	}
}

func errorsOf(b *harness.Bench, args ...string) (r told) {
	b.T.Helper()
	p := b.Start(harness.LonghaulProgram, append([]string{"errors", "--json"}, args...)...).Ended(0)
	harness.Must(b.T, json.Unmarshal([]byte(p.Out()), &r))
	return r
}

// TestErrorsAreToldByCause has records fail in two ways, and asks for their causes while the job runs and afterwards.
func TestErrorsAreToldByCause(t *testing.T) {
	h := held(t) // whose second half is held back
	if r := errorsOf(h.Bench, "out"); r.Complete || r.Failed != 0 || len(r.Causes) != 0 || r.Records < heldFrom-1-heldChunk {
		t.Errorf("beside the job: %+v", r)
	}
	h.release()
	h.run.Ended(0)

	b := h.In(t, "failing")
	var in strings.Builder
	for i := range 40 {
		fmt.Fprintf(&in, "%d\n", i)
		if i%2 == 0 {
			fmt.Fprintf(&in, "word%d\n", i)
		}
	}
	b.Write("in", []byte(in.String()))
	b.Longhaul("in", "--output", "out", "--shell", `case $1 in word*) echo "no number: $1" >&2; exit 4;; 7) exit 5;; esac; echo $1`, "--fatal-exit", "4,5").Ended(3)
	r := errorsOf(b, "out", "--samples", "2")
	if !r.Complete || r.Records != 60 || r.Failed != 21 || len(r.Causes) != 2 {
		t.Fatalf("afterwards: %+v", r)
	}
	if c := r.Causes[0]; c.Count != 20 || c.Cause != "command sh: exit status 4: no number: …" || len(c.Samples) != 2 || c.Samples[1].Record != 4 || c.Samples[1].Input != "word2" {
		t.Errorf("%+v", c)
	}
	if c := r.Causes[1]; c.Count != 1 || c.Cause != "command sh: exit status 5" || c.Samples[0].Input != "7" {
		t.Errorf("%+v", c)
	}
	p := b.Start(harness.LonghaulProgram, "errors", "out").Ended(0)
	for _, want := range []string{
		"21 of 60 records failed\n", "20 (95.2%): command sh: exit status 4: no number: …\n", `    record 1, "word0": command sh: exit status 4: no number: word0` + "\n", "1 (4.76%): command sh: exit status 5\n",
	} {
		if !strings.Contains(p.Out(), want) {
			t.Errorf("%q is not said:\n%s", want, p.Out())
		}
	}
	b.Start(harness.LonghaulProgram, "errors").Ended(2).Says("want one OUTPUT")
	b.Start(harness.LonghaulProgram, "errors", "out", "--samples", "101").Ended(2).Says("--samples 101: want 0 to 100")
	b.Start(harness.LonghaulProgram, "errors", "in").Ended(1).Says("it has no manifest beside it (is this an output of longhaul?)")
}
