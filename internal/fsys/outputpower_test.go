package fsys_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

const outputPath = "/data/out"

// model is what an output must hold.
type model struct {
	runs      int
	out, errs []string // committed for certain, by record: the output line, and the errors line or ""
	maybeOut  []string // of a commit whose end is unknown
	maybeErrs []string
	total     int // records of the input
	complete  bool
}

// draw draws the outcomes of the next few records. One that runs again after a crash may end otherwise.
func (m *model) draw(t *rapid.T) {
	for i := range rapid.IntRange(0, min(3, m.total-len(m.out))).Draw(t, "records") {
		record := len(m.out) + i
		if rapid.Bool().Draw(t, "failed") {
			m.maybeOut = append(m.maybeOut, "null")
			m.maybeErrs = append(m.maybeErrs, fmt.Sprintf("record %d failed in run %d", record, m.runs))
		} else {
			m.maybeOut = append(m.maybeOut, fmt.Sprintf("record %d, by run %d", record, m.runs))
			m.maybeErrs = append(m.maybeErrs, "")
		}
	}
}

func join(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	return b.String()
}

func failures(errs []string) string {
	var kept []string
	for _, e := range errs {
		if e != "" {
			kept = append(kept, e)
		}
	}
	return join(kept)
}

// check fails unless the manifest stands where the model does, or where the commit whose end is unknown would have brought it; from
// then on it is known.
func (m *model) check(t *rapid.T, got output.Manifest) {
	for _, more := range []int{0, len(m.maybeOut)} {
		o, e := slices.Concat(m.out, m.maybeOut[:more]), slices.Concat(m.errs, m.maybeErrs[:more])
		want := job.Position{
			Records: int64(len(o)), InputOffset: 10 * int64(len(o)), OutputBytes: int64(len(join(o))), ErrorBytes: int64(len(failures(e))),
		}
		if got.Position == want && got.OutputDigest.SHA256 == digest(join(o)) && got.ErrorsDigest.SHA256 == digest(failures(e)) {
			m.out, m.errs, m.maybeOut, m.maybeErrs, m.complete = o, e, nil, nil, m.complete || got.Complete
			return
		}
	}
	t.Fatalf("the manifest says %+v; %d records are committed, and perhaps %d more", got.Position, len(m.out), len(m.maybeOut))
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func power(t *rapid.T, err error) bool {
	if err != nil && !errors.Is(err, errPower) {
		t.Fatalf("got %v", err)
	}
	return err != nil
}

// run is one run of the job, which ends when the power does: it claims the output, then appends until the input is answered.
func (m *model) run(t *rapid.T, p *powerFS) {
	m.runs++
	o := output.At(p, outputPath)
	c := output.Claim{WorkflowID: "job", RunID: fmt.Sprint(m.runs)}
	got, err := o.Claim(context.Background(), output.ClaimRequest{
		Claim: c, Job: "first run", Overwrite: true, Spec: output.Identity{Task: "echo", Format: job.FormatText},
	})
	if power(t, err) {
		return
	}
	m.check(t, got)
	for !m.complete {
		m.draw(t)
		from := got.Position
		got, err = m.append(o, c, from)
		if power(t, err) && rapid.Bool().Draw(t, "only the append died") {
			p.boot(false, nil)
			got, err = m.append(o, c, from)
		}
		if power(t, err) {
			return
		}
		m.check(t, got)
	}
}

func (m *model) append(o output.Output, c output.Claim, from job.Position) (got output.Manifest, err error) {
	a, got, err := o.Append(context.Background(), c, from)
	if a == nil || err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	for i, line := range m.maybeOut {
		if err := a.Line([]byte(line)); err != nil {
			return got, err
		}
		if failure := m.maybeErrs[i]; failure != "" {
			if err := a.Failure([]byte(failure)); err != nil {
				return got, err
			}
		}
	}
	n := len(m.out) + len(m.maybeOut)
	return a.Commit(int64(n), 10*int64(n), job.Totals{}, n == m.total)
}

// Whatever fails and whenever, a commit that was answered for stands, one that was not stands as a whole or not at all, and the files end
// as exactly what was committed.
func TestOutputOutlivesPowerLosses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, m := newPowerFS("/data"), model{total: rapid.IntRange(0, 6).Draw(t, "records of the input")}
		if rapid.Bool().Draw(t, "something stands there") { // the job overwrites it
			f, err := p.OpenWrite(outputPath, true, 0o600)
			power(t, err)
			_, err = f.WriteAt([]byte("somebody's own, longer than what comes to stand here: "+strings.Repeat("x", 500)), 0)
			power(t, errors.Join(err, f.Sync(), p.SyncDir("/data")))
		}
		for range rapid.IntRange(0, 5).Draw(t, "failures") {
			p.left = rapid.IntRange(0, 40).Draw(t, "calls until the failure")
			m.run(t, p)
			if powerless := crash(t, p); !powerless {
				continue // what stands may yet be lost
			}
			if got, err := output.At(p, outputPath).Load(); err == nil {
				m.check(t, got)
			} else if len(m.out) > 0 {
				t.Fatalf("the manifest is lost: %v", err)
			}
		}
		m.run(t, p)
		p.boot(true, fate(t))
		if got := contentOf(t, p, outputPath); got != join(m.out) || len(m.out) != m.total {
			t.Fatalf("the output holds %q, want %q", got, join(m.out))
		}
		if got := contentOf(t, p, outputPath+".longhaul/errors.jsonl"); got != failures(m.errs) {
			t.Fatalf("the errors file holds %q, want %q", got, failures(m.errs))
		}
		got, err := output.At(p, outputPath).Load()
		if err != nil || !got.Complete {
			t.Fatalf("complete: %v, %v", got.Complete, err)
		}
	})
}
