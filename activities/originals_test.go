package activities_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/task"
)

// retrySpec is the Spec of a retry of the site's output, as longhaul retry makes it.
func (s *site) retrySpec() job.Spec {
	s.t.Helper()
	m, err := s.manifest()
	if err != nil {
		s.t.Fatal(err)
	}
	out := output.At(fsys.OS, s.spec.Output)
	r := s.spec
	r.Input, r.InputFormat, r.Output, r.Selection = job.Paths{out.RetryInput(m)}, job.InputNUL, out.Retry(m).Path(), job.Selection{}
	r.Patch = &job.Patch{Output: s.spec.Output, Job: "the job", JSON: s.spec.InputFormat.JSON()}
	return r
}

// retried runs a retry of the site's output to its end.
func (s *site) retried() job.Patched {
	s.t.Helper()
	was := s.spec
	s.spec = s.retrySpec()
	from := s.spec.Output
	s.pass(3, 2)
	s.spec = was
	p, err := do(s.t, circumstances{}, s.acts.PatchOutput, job.PatchRequest{Output: s.spec.Output, From: from})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// Records that are longer than what the errors file keeps of them come from the input, wherever they lie in it.
func TestARetryReadsLongRecordsFromTheInput(t *testing.T) {
	long := func(i int) string { return strings.Repeat(fmt.Sprint(i, " "), 2000) }
	var records []string
	for i := range 300 {
		if i%7 == 3 {
			records = append(records, long(i))
		} else {
			records = append(records, fmt.Sprint(i))
		}
	}
	for name, s := range map[string]job.Selection{"all": {}, "a sample": {Sample: 0.5, Seed: 9}, "some skipped, and a limit": {Skip: 20, Limit: 200}} {
		t.Run(name, func(t *testing.T) {
			failing := true
			var mu sync.Mutex
			var seen []int64
			site := newSite(t, nil, records...)
			site.script = func(ctx context.Context, r task.Record) (task.Result, error) {
				if string(r.Input) != records[r.Number] {
					t.Errorf("record %d is %.20q", r.Number, r.Input)
				}
				if failing && r.Number%3 == 0 {
					return task.Result{}, task.Fail(task.Permanent, errors.New("no"))
				}
				if !failing {
					mu.Lock()
					defer mu.Unlock()
					seen = append(seen, r.Number)
					if r.Job != "the job" || r.Number%3 != 0 {
						t.Errorf("record %d of %q is run again", r.Number, r.Job)
					}
				}
				return task.Result{Value: r.Input}, nil
			}
			site.spec.Concurrency, site.spec.Selection = 1, s
			end := site.pass(40, 1)
			failing = false
			p := site.retried()
			if p.Totals.Failed != 0 || p.Position.Records != end.Position.Records || int64(len(seen)) != end.Totals.Failed {
				t.Errorf("%+v, %d run again of %d failed", p, len(seen), end.Totals.Failed)
			}
			var want []string
			for i := range end.Position.Records {
				want = append(want, records[s.Number(i)])
			}
			if site.answers() != lines(want...) || site.failures() != "" {
				t.Errorf("output of %d bytes, errors %.100q", len(site.answers()), site.failures())
			}
		})
	}
}

// Of a standard input, which is not kept, what the errors file holds whole is run again, and the rest stays failed.
func TestARetryOfAStandardInputLeavesLongRecords(t *testing.T) {
	long := strings.Repeat("x", 5000)
	s := newSite(t, func(context.Context, task.Record) (task.Result, error) {
		return task.Result{}, task.Fail(task.Permanent, errors.New("no"))
	}, "a")
	path, err := output.At(fsys.OS, s.spec.Output).TakeStdin(t.Context(), strings.NewReader("a\n"+long+"\nb\n"), false)
	if err != nil {
		t.Fatal(err)
	}
	s.spec.Input = job.Paths{path}
	s.pass(10, 1)
	if _, err := os.Stat(path); err == nil {
		t.Fatal("the standard input is kept")
	}
	s.script = echo
	p := s.retried()
	if p.Totals.Failed != 1 || s.answers() != "a\n\nb\n" || strings.Count(s.failures(), "\n") != 1 {
		t.Errorf("%+v, output %q", p, s.answers())
	}
}

// A retry that was asked for before another one was put into its place would put its results into an output of other holes.
func TestARetryOfWhatWasPatchedSinceIsRefused(t *testing.T) {
	s := newSite(t, refusing, "0", "word1", "word2")
	s.pass(10, 1)
	old := s.retrySpec()
	s.retried()
	_, err := do(t, circumstances{}, s.acts.Prepare, job.PrepareRequest{Spec: old, FirstRunID: "first"})
	if msg := wantKind(t, err, job.OutputChanged); !strings.Contains(msg, "it was patched, or begun anew, since this retry was asked for (run the same command again)") {
		t.Errorf("%s", msg)
	}
	left, err := os.ReadDir(s.spec.Output + ".longhaul")
	if err != nil || slices.ContainsFunc(left, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "retry") }) {
		t.Errorf("left: %v, %v", left, err)
	}
}
