package workflows_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/workflows"
)

// newSpec is a valid Spec with defaults, and what change makes of it.
func newSpec(change func(*job.Spec)) job.Spec {
	s := job.Spec{Input: job.Paths{"/data/in"}, Output: "/data/out", Task: job.Task{Name: "echo"}, Concurrency: 4}.WithDefaults()
	s.Tuning.Lanes = 4
	change(&s)
	return s
}

// fours is a Spec with which every chunk has exactly four records, and each of four lanes four slots.
func fours(change func(*job.Spec)) job.Spec {
	return newSpec(func(s *job.Spec) {
		s.Concurrency, s.Tuning.ChunkRecords = 16, 4
		change(s)
	})
}

// result is how one run of the workflow ended.
type result struct {
	job.Summary
	err error
	// continued says that the run continued as new; spec and carried are what it gave to the next.
	continued bool
	spec      json.RawMessage
	carried   workflows.Carried
}

func (r result) String() string {
	if r.continued {
		return fmt.Sprintf("continued as new with %+v", r.carried)
	}
	return fmt.Sprintf("summary %+v, error %v", r.Summary, r.err)
}

// alarm is something that happens in the world at a time of a run.
type alarm struct {
	after time.Duration
	do    func(*testsuite.TestWorkflowEnvironment)
}

// first runs the workflow once, from its start.
func (w *world) first(t rapid.TB, alarms ...alarm) result {
	t.Helper()
	return w.once(t, mustJSON(t, w.spec), workflows.Carried{}, alarms...)
}

// once runs the workflow once.
func (w *world) once(t rapid.TB, raw json.RawMessage, carried workflows.Carried, alarms ...alarm) result {
	t.Helper()
	env := w.enter()
	for _, a := range alarms {
		env.RegisterDelayedCallback(func() { a.do(env) }, a.after)
	}
	env.ExecuteWorkflow(job.WorkflowType, raw, carried)
	if !env.IsWorkflowCompleted() {
		t.Fatalf("the workflow did not end")
	}
	r := result{err: env.GetWorkflowError()}
	var next *workflow.ContinueAsNewError
	switch {
	case errors.As(r.err, &next):
		r.continued = true
		if next.WorkflowType.Name != job.WorkflowType {
			t.Errorf("continued as a workflow of type %q", next.WorkflowType.Name)
		}
		if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &r.spec, &r.carried); err != nil {
			t.Fatalf("the next run's input: %v", err)
		}
	case r.err == nil:
		if err := env.GetWorkflowResult(&r.Summary); err != nil {
			t.Fatalf("result: %v", err)
		}
	}
	return r
}

// finish runs the workflow from its start for as long as it continues as new.
func (w *world) finish(t rapid.TB, alarms ...alarm) result {
	t.Helper()
	return w.follow(t, w.first(t, alarms...))
}

// follow runs what a run continued as, and what that did, at most 1,000 times.
func (w *world) follow(t rapid.TB, r result) result {
	t.Helper()
	for range 1000 {
		if !r.continued {
			return r
		}
		r = w.once(t, r.spec, r.carried)
	}
	t.Fatalf("no end after 1,000 runs, at record %d", w.position.Records)
	return r
}

// enter makes an environment for one run in the world.
func (w *world) enter() *testsuite.TestWorkflowEnvironment {
	var s testsuite.WorkflowTestSuite
	s.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := s.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // a second is not much on a busy machine
	env.RegisterWorkflowWithOptions(workflows.Map, workflow.RegisterOptions{Name: job.WorkflowType})
	for name, f := range map[string]any{
		job.ActivityPrepare: w.Prepare, job.ActivityListChunks: w.ListChunks,
		job.ActivityProcessChunk: w.ProcessChunk, job.ActivityAppendOutput: w.AppendOutput,
	} {
		env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	env.SetOnActivityCanceledListener(func(info *activity.Info) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.running[info.ActivityID] != nil {
			w.stopped++
			delete(w.running, info.ActivityID)
		}
	})
	w.env, w.began = env, env.Now()
	w.run++
	return env
}

// kept fails the test for each promise that was broken.
func (w *world) kept(t rapid.TB) {
	t.Helper()
	for _, v := range w.violations {
		t.Errorf("%s", v)
	}
}

// finished checks that the workflow succeeded and answered the whole input, with each record run once.
func (w *world) finished(t rapid.TB, r result) {
	t.Helper()
	w.kept(t)
	if r.err != nil {
		t.Fatalf("the workflow failed: %v", r.err)
	}
	w.ranOnce(t, 0, w.records)
	want := job.Summary{
		Output: w.spec.Output, Records: w.records, Failed: w.totals.Failed, OutputBytes: 3 * w.records,
		OutputDigest: digest(w.records), Errors: r.Errors, AlreadyDone: r.AlreadyDone,
	}
	if !w.complete || r.Summary != want {
		t.Errorf("summary %+v, complete %v, want %+v", r.Summary, w.complete, want)
	}
	if n := len(w.running) + len(w.segments); n > 0 {
		t.Errorf("%d chunks run or wait after the end", n)
	}
}

// ranOnce checks that each record in [from, to) was run exactly once.
func (w *world) ranOnce(t rapid.TB, from, to int64) {
	t.Helper()
	for i := from; i < to; i++ {
		if w.ran[i] != 1 {
			t.Errorf("record %d was run %d times", i, w.ran[i])
			return
		}
	}
}

// count returns how often an activity was called.
func (w *world) count(name string) (n int) {
	w.mu.Lock() // an activity may still begin when the workflow has failed
	defer w.mu.Unlock()
	for _, c := range w.calls {
		if c.name == name {
			n++
		}
	}
	return n
}

// requests returns the requests of the calls of one activity, in order of the calls.
func requests[T any](w *world) (q []T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		if r, ok := c.request.(T); ok {
			q = append(q, r)
		}
	}
	return q
}

// chunks returns the chunks processed, by first record.
func (w *world) chunks() (c []job.Chunk) {
	for _, q := range requests[job.ProcessRequest](w) {
		c = append(c, q.Chunk)
	}
	slices.SortFunc(c, func(a, b job.Chunk) int { return int(a.First - b.First) })
	return c
}

func mustJSON(t rapid.TB, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	return raw
}
