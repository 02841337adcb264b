package workflows_test

import (
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/longhaul/longhaul/job"
)

// cancelAfter cancels the workflow d after its start.
func cancelAfter(d time.Duration) alarm {
	return alarm{d, (*testsuite.TestWorkflowEnvironment).CancelWorkflow}
}

func wantCanceled(t *testing.T, w *world, r result) {
	t.Helper()
	w.kept(t)
	var canceled *temporal.CanceledError
	if !errors.As(r.err, &canceled) || r.continued {
		t.Fatalf("%v; want it canceled", r)
	}
}

func TestCancellationStopsWhatRunsAndAppendsWhatIsReady(t *testing.T) {
	w := newWorld(4000, fours(func(*job.Spec) {}))
	w.takes = func(q job.ProcessRequest) time.Duration { // in the order 4, 8, 12, 0, 16, ...
		switch {
		case q.Chunk.First == 0:
			return 10 * time.Second
		case q.Chunk.First <= 16:
			return time.Second
		}
		return time.Hour
	}
	w.delay[job.ActivityAppendOutput] = time.Minute // so that the cancellation finds one under way
	w.busy = func(job.ProcessRequest) time.Duration { return time.Second }
	wantCanceled(t, w, w.first(t, cancelAfter(20*time.Second)))
	if w.stopped != 4 {
		t.Errorf("%d chunks were told to stop, of 4", w.stopped)
	}
	if w.position != at(20) {
		t.Errorf("the output stands at record %d, want the 20 that were ready", w.position.Records)
	}
	for _, c := range w.calls {
		if c.at > 20*time.Second && c.name != job.ActivityAppendOutput {
			t.Errorf("%s was begun after the cancellation", c.name)
		}
	}

	// The same command goes on with it.
	w.takes = func(job.ProcessRequest) time.Duration { return time.Second }
	for i := w.position.Records; i < w.records; i++ {
		w.ran[i] = 0 // those told to stop run again
	}
	w.finished(t, w.finish(t))
}

func TestCancellationWhileNothingRunsYet(t *testing.T) {
	for _, name := range []string{job.ActivityPrepare, job.ActivityListChunks} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(4000, fours(func(*job.Spec) {}))
			w.delay[name] = time.Hour
			wantCanceled(t, w, w.first(t, cancelAfter(time.Minute)))
			if n := w.count(job.ActivityProcessChunk) + w.count(job.ActivityAppendOutput); n > 0 {
				t.Errorf("%d chunks or appends were begun", n)
			}
		})
	}
}

// A run that drains to continue as new must not forget that it was told to end.
func TestCancellationOfARunThatDrains(t *testing.T) {
	for name, after := range map[string]time.Duration{
		"while chunks run":      500 * time.Millisecond,
		"while the append runs": time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(4000, fours(func(s *job.Spec) { s.Tuning.ActivitiesPerRun = 4 }))
			w.delay[job.ActivityAppendOutput] = 2 * time.Minute
			wantCanceled(t, w, w.first(t, cancelAfter(after)))
		})
	}
}

func TestAJobThatIsCompleteWhenItsCancellationComesIsDone(t *testing.T) {
	w := newWorld(4, fours(func(*job.Spec) {}))
	w.delay[job.ActivityAppendOutput] = time.Minute
	w.finished(t, w.first(t, cancelAfter(30*time.Second)))
}
