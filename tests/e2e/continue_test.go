package e2e

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/longhaul/longhaul/job"
)

var record = flag.Bool("record", false, "write the histories that the replay test keeps")

// start starts a job as a program does, with the tuning that tests want.
func (b *bench) startJob(id string, s job.Spec) client.WorkflowRun {
	b.t.Helper()
	run, err := b.client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: id, TaskQueue: job.TaskQueue}, job.WorkflowType, s)
	must(b.t, err)
	return run
}

// TestContinueAsNew lowers the budget of a run so that a job takes many, while slow records keep segments waiting for their turn.
func TestContinueAsNew(t *testing.T) {
	const n, limit = 2_000, 16
	b := newBench(t)
	tg := newTarget(t, heavyTailed(3*time.Millisecond))
	b.worker()
	b.write("in", lines(n))
	run := b.startJob("many-runs", job.Spec{
		Input: b.path("in"), Output: b.path("out"), Task: job.Task{Name: "http", Args: []byte(`{"url":"` + tg.url() + `"}`)}, Concurrency: limit,
		Tuning: job.Tuning{ActivitiesPerRun: 12, ChunkRecords: 25, Lanes: 4},
	})
	first := run.GetRunID() // Get moves the handle along the chain of runs
	var s job.Summary
	must(t, run.Get(context.Background(), &s))
	b.same("out", oracle(n))
	b.tidy("out")
	tg.once(t, n)
	if _, peak, _ := tg.counts(); peak > limit {
		t.Errorf("%d requests were in flight, with a cap of %d", peak, limit)
	}
	if s.Records != n || s.Failed != 0 {
		t.Errorf("summary: %+v", s)
	}
	runs, ahead := b.runs("many-runs", first)
	t.Logf("%d runs, %d of which met the end of their budget with chunks in flight and finished segments waiting for them", runs, ahead)
	if runs < 8 {
		t.Errorf("the job took %d runs: the budget was not kept", runs)
	}
	if ahead == 0 {
		t.Error("no run met the end of its budget with chunks in flight and segments waiting")
	}
}

// runs follows a job's chain of runs, and counts those in which, after the last chunk was started, a finished chunk waited for one in flight.
func (b *bench) runs(id, first string) (runs, ahead int) {
	b.t.Helper()
	for next := first; next != ""; runs++ {
		this := next
		next = ""
		inFlight := map[int64]int64{} // by scheduling event: the chunk's first record
		waited := false
		for _, e := range b.history(id, this).Events {
			if a := e.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == job.ActivityProcessChunk {
				var q job.ProcessRequest
				must(b.t, converter.GetDefaultDataConverter().FromPayloads(a.GetInput(), &q))
				inFlight[e.GetEventId()] = q.Chunk.First
				waited = false
			}
			if a := e.GetActivityTaskCompletedEventAttributes(); a != nil {
				done, ok := inFlight[a.GetScheduledEventId()]
				delete(inFlight, a.GetScheduledEventId())
				for _, first := range inFlight {
					waited = waited || ok && first < done
				}
			}
			if a := e.GetWorkflowExecutionContinuedAsNewEventAttributes(); a != nil {
				next = a.GetNewExecutionRunId()
			}
		}
		if waited && next != "" {
			ahead++
		}
	}
	return runs, ahead
}

func (b *bench) history(id, runID string) *history.History {
	b.t.Helper()
	h := &history.History{}
	it := b.client.GetWorkflowHistory(context.Background(), id, runID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		must(b.t, err)
		h.Events = append(h.Events, e)
	}
	return h
}

// TestHistories runs the kinds of jobs whose histories the replay test keeps, and with -record keeps them.
func TestHistories(t *testing.T) {
	b := newBench(t)
	b.worker()
	b.write("in", lines(400))
	b.write("empty", nil)
	echo := job.Task{Name: "echo"}
	for name, s := range map[string]job.Spec{
		"empty":    {Input: b.path("empty"), Output: b.path("empty.out"), Task: echo},
		"small":    {Input: b.path("in"), Output: b.path("small.out"), Task: echo},
		"refused":  {Input: b.path("in"), Output: b.path("refused.out"), Task: job.Task{Name: "none"}},
		"continue": {Input: b.path("in"), Output: b.path("continue.out"), Task: echo, Tuning: job.Tuning{ActivitiesPerRun: 10, ChunkRecords: 20, Lanes: 3}},
		"stragglers": {
			Input: b.path("in"), Output: b.path("stragglers.out"), Concurrency: 6,
			Task: job.Task{Name: "exec", Args: []byte(`{"command":["sh","-c","[ $(($1 % 40)) = 1 ] && sleep 3; echo $1","sh","{}"]}`)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := b.startJob(name, s)
			first := run.GetRunID()
			err := run.Get(context.Background(), nil)
			if refused := name == "refused"; (err != nil) != refused || refused && !isApplicationError(err) {
				t.Fatalf("ended with %v", err)
			}
			h := b.history(name, first)
			if !*record {
				return
			}
			data, err := protojson.MarshalOptions{Indent: " "}.Marshal(h)
			must(t, err)
			must(t, os.WriteFile(filepath.Join("..", "replay", "testdata", name+".json"), data, 0o644))
		})
	}
}

func isApplicationError(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == string(job.InvalidSpec)
}
