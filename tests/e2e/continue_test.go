package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/tests/harness"
)

var record = flag.Bool("record", false, "write the histories that the replay test keeps")

// TestContinueAsNew lowers the budget of a run so that a job takes many, while slow records keep segments waiting for their turn.
func TestContinueAsNew(t *testing.T) {
	const n, limit = 2_000, 16
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.HeavyTailed(3*time.Millisecond))
	b.Worker()
	b.Write("in", harness.Lines(n))
	run := b.StartJob("many-runs", job.Spec{
		Input: job.Paths{b.Path("in")}, Output: b.Path("out"), Task: job.Task{Name: "http", Args: []byte(`{"url":"` + tg.Template() + `"}`)}, Concurrency: limit,
		Tuning: job.Tuning{ActivitiesPerRun: 12, ChunkRecords: 20, Lanes: 4},
	})
	first := run.GetRunID() // Get moves the handle along the chain of runs
	var s job.Summary
	harness.Must(t, run.Get(context.Background(), &s))
	b.Same("out", harness.Oracle(n))
	b.Tidy("out")
	tg.Once(t, n)
	if _, peak, _ := tg.Counts(); peak > limit {
		t.Errorf("%d requests were in flight, with a cap of %d", peak, limit)
	}
	if s.Records != n || s.Failed != 0 {
		t.Errorf("summary: %+v", s)
	}
	runs, ahead := runsOf(b, "many-runs", first)
	t.Logf("%d runs, %d of which met the end of their budget with chunks in flight and finished segments waiting for them", runs, ahead)
	if runs < 8 {
		t.Errorf("the job took %d runs: the budget was not kept", runs)
	}
	if ahead == 0 {
		t.Error("no run met the end of its budget with chunks in flight and segments waiting")
	}
}

// runsOf follows a job's chain of runs, and counts those in which, after the last chunk was started, a finished chunk waited for one in flight.
func runsOf(b *harness.Bench, id, first string) (runs, ahead int) {
	b.T.Helper()
	for next := first; next != ""; runs++ {
		this := next
		next = ""
		inFlight := map[int64]int64{} // by scheduling event: the chunk's first record
		waited := false
		for _, e := range b.History(id, this).Events {
			if a := e.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == job.ActivityProcessChunk {
				var q job.ProcessRequest
				harness.Must(b.T, converter.GetDefaultDataConverter().FromPayloads(a.GetInput(), &q))
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

// TestHistories runs the kinds of jobs whose histories the replay test keeps, and with -record keeps them.
func TestHistories(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	b.Write("in", harness.Lines(400))
	b.Write("empty", nil)
	b.Write("words", append(harness.Lines(50), "word\n51\n"...))
	echo := job.Task{Name: "echo"}
	during := map[string]func(){"steered": func() { steer(b, "steered") }}
	fails := map[string]job.Kind{"refused": job.InvalidSpec, "failures": job.TooManyFailures}
	for name, s := range map[string]job.Spec{
		"empty":    {Input: job.Paths{b.Path("empty")}, Output: b.Path("empty.out"), Task: echo},
		"small":    {Input: job.Paths{b.Path("in")}, Output: b.Path("small.out"), Task: echo},
		"refused":  {Input: job.Paths{b.Path("in")}, Output: b.Path("refused.out"), Task: job.Task{Name: "none"}},
		"continue": {Input: job.Paths{b.Path("in")}, Output: b.Path("continue.out"), Task: echo, Tuning: job.Tuning{ActivitiesPerRun: 10, ChunkRecords: 20, Lanes: 3}},
		"rate":     {Input: job.Paths{b.Path("in")}, Output: b.Path("rate.out"), Task: echo, Rate: "400/s", Burst: 4},
		"steered": {
			Input: job.Paths{b.Path("in")}, Output: b.Path("steered.out"), Task: job.Task{Name: "double", Args: []byte(`{"delay":"50ms"}`)}, Concurrency: 8,
			Tuning: job.Tuning{ActivitiesPerRun: 100},
		},
		"failures": {Input: job.Paths{b.Path("words")}, Output: b.Path("failures.out"), Task: job.Task{Name: "double", Args: []byte(`{"delay":"1ms"}`)}, MaxFailures: "0"},
		"stragglers": {
			Input: job.Paths{b.Path("in")}, Output: b.Path("stragglers.out"), Concurrency: 6,
			Task: job.Task{Name: "exec", Args: []byte(`{"command":["sh","-c","[ $(($1 % 40)) = 1 ] && sleep 3; echo $1","sh","{}"]}`)},
		},
		"completion": {
			Input: job.Paths{b.Path("in")}, Output: b.Path("completion.out"), Concurrency: 6, Order: job.OrderCompletion,
			Task: job.Task{Name: "exec", Args: []byte(`{"command":["sh","-c","[ $(($1 % 40)) = 1 ] && sleep 3; echo $1","sh","{}"]}`)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := b.StartJob(name, s)
			first := run.GetRunID()
			if during[name] != nil {
				during[name]()
			}
			err := run.Get(context.Background(), nil)
			if (err != nil) != (fails[name] != "") || err != nil && !isApplicationError(err, fails[name]) {
				t.Fatalf("ended with %v", err)
			}
			h := b.History(name, first)
			if !*record {
				return
			}
			data, err := protojson.MarshalOptions{Indent: " "}.Marshal(h)
			harness.Must(t, err)
			harness.Must(t, os.WriteFile(filepath.Join("..", "replay", "testdata", name+".json"), data, 0o644))
		})
	}
}

// steer changes all that can be changed of a job while its chunks are at work, by updates and signals, and waits each time until it holds.
func steer(b *harness.Bench, id string) {
	b.T.Helper()
	progress := func() (p job.Progress) {
		v, err := b.Client.QueryWorkflow(b.T.Context(), id, "", job.QueryProgress)
		if err == nil {
			err = v.Get(&p)
		}
		if err != nil {
			p.Slots = -1 // not yet
		}
		return p
	}
	holds := func(slots int) {
		b.T.Helper()
		b.Until(fmt.Sprintf("%d slots handed out", slots), func() bool { return progress().Slots == slots })
	}
	update := func(name string, args ...any) {
		b.T.Helper()
		h, err := b.Client.UpdateWorkflow(b.T.Context(), client.UpdateWorkflowOptions{
			WorkflowID: id, UpdateName: name, Args: args, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = h.Get(b.T.Context(), nil)
		}
		harness.Must(b.T, err)
	}
	holds(8)
	two, rate, none := 2, job.Rate("100/s"), job.RateNone
	update(job.UpdateSet, job.Setting{Concurrency: &two})
	holds(2)
	update(job.UpdatePause)
	holds(0)
	update(job.UpdateSet, job.Setting{Rate: &rate})
	update(job.UpdateResume)
	holds(2)
	twenty := 20
	harness.Must(b.T, b.Client.SignalWorkflow(b.T.Context(), id, "", job.UpdateSet, job.Setting{Concurrency: &twenty, Rate: &none}))
	b.Until("the signal heeded", func() bool { return progress().Control == job.Control{Concurrency: 20} })
}

func isApplicationError(err error, kind job.Kind) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == string(kind)
}
