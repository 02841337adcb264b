package workflows_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/workflows"
)

func TestARunContinuesAsNewOnItsBudget(t *testing.T) {
	const lanes = 4
	for _, budget := range []int{4, 5, 17, 100} {
		t.Run(fmt.Sprint(budget), func(t *testing.T) {
			w := newWorld(600, fours(func(s *job.Spec) { s.Tuning.ActivitiesPerRun = budget }))
			r := w.finish(t)
			w.finished(t, r)
			if w.run < 2 {
				t.Fatal("one run only")
			}
			perRun := map[int]int{}
			for _, c := range w.calls {
				perRun[c.run]++
			}
			for run, n := range perRun {
				// Beyond the budget come the chunks that start together, and an append for each that ends.
				if n > budget+2*lanes {
					t.Errorf("run %d made %d calls of activities, of %d", run, n, budget)
				}
			}
		})
	}
}

// To end a run means to wait for its slowest chunk with all other slots unused. That is put off, though not for ever.
func TestARunWithASlowChunkPutsItsEndOff(t *testing.T) {
	const budget = 20
	w := newWorld(4000, fours(func(s *job.Spec) { s.Tuning.ActivitiesPerRun = budget }))
	w.takes = func(q job.ProcessRequest) time.Duration {
		if q.Chunk.First == 0 {
			return 10 * time.Hour
		}
		return 30 * time.Second
	}
	w.busy = func(job.ProcessRequest) time.Duration { return time.Second }
	r := w.first(t)
	if !r.continued {
		t.Fatalf("%v; want it to continue as new", r)
	}
	early := 0
	for _, c := range w.calls {
		if c.at < 9*time.Hour {
			early++
		}
	}
	if early < 4*budget || early > 4*budget+8 {
		t.Errorf("%d activities before the slow chunk ended, want four times the budget of %d", early, budget)
	}
}

func TestARunContinuesAsNewWhenTemporalSuggestsIt(t *testing.T) {
	w := newWorld(40, fours(func(*job.Spec) {}))
	env := w.enter()
	env.SetContinueAsNewSuggested(true)
	env.ExecuteWorkflow(job.WorkflowType, mustJSON(t, w.spec), workflows.Carried{})
	if n := len(w.calls); n != 1 {
		t.Errorf("%d activities, want Prepare only", n)
	}
}

func TestTheRestIsDoneByTheNextRunWithWhatTheFirstOneLearned(t *testing.T) {
	w := newWorld(5000, newSpec(func(s *job.Spec) { s.Tuning.ActivitiesPerRun = 20 }))
	r := w.first(t)
	if !r.continued {
		t.Fatalf("%v; want to continue as new", r)
	}
	if string(r.spec) != string(mustJSON(t, w.spec)) {
		t.Errorf("the next run's Spec is %s", r.spec)
	}
	if r.carried.Runs != 1 || r.carried.Pace.Largest == 0 || r.carried.Pace.PerLane <= 0 || r.carried.Pace.Task <= 0 {
		t.Errorf("carried %+v", r.carried)
	}
	first := len(w.calls)
	w.finished(t, w.follow(t, r))
	for _, c := range w.calls[first:] {
		if q, ok := c.request.(job.ListRequest); ok {
			if q.Records <= 8 {
				t.Errorf("the second run lists chunks of %d records, as if it knew no pace", q.Records)
			}
			break
		}
	}
}

// lost is the error of an activity of a run that lost its claim, as package activities makes it.
func lost() error {
	return temporal.NewNonRetryableApplicationError("another run has claimed it", string(job.ClaimLost), nil)
}

func TestALostClaimDrainsTheRunAndContinuesAsNew(t *testing.T) {
	for name, hit := range map[string]func(request any) bool{
		job.ActivityListChunks:   func(r any) bool { q, ok := r.(job.ListRequest); return ok && q.Record >= 40 },
		job.ActivityProcessChunk: func(r any) bool { q, ok := r.(job.ProcessRequest); return ok && q.Chunk.First >= 40 },
		job.ActivityAppendOutput: func(r any) bool { q, ok := r.(job.AppendRequest); return ok && q.From.Records >= 40 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(2000, newSpec(func(s *job.Spec) { s.Tuning.ChunkRecords = 10 }))
			w.takes = func(q job.ProcessRequest) time.Duration { return time.Duration(1+q.Chunk.First%7) * time.Second }
			claimed := false
			w.fault = func(_ string, request any) error {
				if !claimed && hit(request) {
					claimed = true
				}
				if claimed && w.run == 1 {
					return lost()
				}
				return nil
			}
			r := w.first(t)
			if !r.continued || r.carried.Runs != 1 || r.carried.Pace.Largest == 0 {
				t.Fatalf("%v; want to continue as new with the pace", r)
			}
			if w.stopped > 0 {
				t.Errorf("%d chunks were told to stop", w.stopped)
			}
			w.finished(t, w.follow(t, r))
		})
	}
}

func TestUsersGiveNoSecondArgument(t *testing.T) {
	w := newWorld(10, newSpec(func(*job.Spec) {}))
	env := w.enter()
	env.ExecuteWorkflow(job.WorkflowType, json.RawMessage(mustJSON(t, w.spec)))
	if err := env.GetWorkflowError(); err != nil || !w.complete {
		t.Errorf("%v, complete %v", err, w.complete)
	}
}
