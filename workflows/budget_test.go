package workflows_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/workflows"
)

// stops answers an append that is told to stop as the activity does, and notes what it was told.
func (w *world) stops(told *job.AppendRequest) {
	w.fault = func(_ string, request any) error {
		if q, ok := request.(job.AppendRequest); ok && q.Stop != nil {
			*told = q
			return temporal.NewNonRetryableApplicationError("write /data/out: too many failed", string(job.TooManyFailures), nil)
		}
		return nil
	}
}

// The first chunk takes a day, so that the output gets nowhere; all others fail, in a second each.
func stuck(change func(*job.Spec)) *world {
	w := newWorld(4000, fours(change))
	w.failed = func(c job.Chunk) int64 { return int64(c.Records) }
	w.takes = func(q job.ProcessRequest) time.Duration {
		if q.Chunk.First == 0 {
			return 24 * time.Hour
		}
		return time.Second
	}
	return w
}

func TestAJobStopsForItsBudgetWhileASlowRecordHoldsTheOutputUp(t *testing.T) {
	for name, tt := range map[string]struct {
		budget job.Budget
		from   int64 // records done at which it is seen
	}{"a number": {"30", 32}, "a part": {"10%", 100}, "none": {"0", 4}} {
		t.Run(name, func(t *testing.T) {
			w := stuck(func(s *job.Spec) { s.MaxFailures = tt.budget })
			var told job.AppendRequest
			w.stops(&told)
			wantFailed(t, w.first(t), job.TooManyFailures, "too many failed")
			w.kept(t)
			if s := told.Stop; s == nil || s.Records < tt.from || s.Records > tt.from+12 || s.Failed != s.Records || len(s.Chunks) == 0 || len(s.Chunks) > 16 {
				t.Errorf("told %+v", s)
			}
			if told.MaxFailures != tt.budget || w.stopped == 0 || w.env.Now().Sub(w.began) > time.Hour {
				t.Errorf("budget %q, %d chunks told to stop after %s", told.MaxFailures, w.stopped, w.env.Now().Sub(w.began))
			}
		})
	}
}

func TestAJobWithinItsBudgetGoesOn(t *testing.T) {
	w := newWorld(400, fours(func(s *job.Spec) { s.MaxFailures = "25%" }))
	w.failed = func(job.Chunk) int64 { return 1 } // of four
	var told job.AppendRequest
	w.stops(&told)
	r := w.finish(t)
	if r.Errors = ""; told.Stop != nil || r.Failed != 100 {
		t.Errorf("%v; told %+v", r, told.Stop)
	}
}

// A Spec from before there was a budget has none: a history of such a job replays as it was.
func TestASpecWithoutABudgetIsStoppedByItsAppendsOnly(t *testing.T) {
	w := stuck(func(*job.Spec) {})
	var told job.AppendRequest
	w.stops(&told)
	old := json.RawMessage(strings.Replace(string(mustJSON(t, w.spec)), `"maxFailures":"10%",`, "", 1))
	if strings.Contains(string(old), "maxFailures") {
		t.Fatal("the Spec has a budget")
	}
	w.takes = func(job.ProcessRequest) time.Duration { return time.Second }
	r := w.follow(t, w.once(t, old, workflows.Carried{}))
	if told.Stop != nil || r.Failed != 4000 {
		t.Errorf("%v; told %+v", r, told.Stop)
	}
	if q := requests[job.AppendRequest](w); q[0].MaxFailures != job.DefaultBudget {
		t.Errorf("an append is told of the budget %q", q[0].MaxFailures)
	}
}
