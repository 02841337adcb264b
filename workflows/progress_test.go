package workflows_test

import (
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"
	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/workflows"
)

func progress(t rapid.TB, env *testsuite.TestWorkflowEnvironment) (p job.Progress) {
	t.Helper()
	v, err := env.QueryWorkflow(job.QueryProgress)
	if err == nil {
		err = v.Get(&p)
	}
	if err != nil {
		t.Errorf("query: %v", err)
	}
	return p
}

func TestProgressTellsHowFarTheJobIs(t *testing.T) {
	// Four lanes of four: 0 to 15 are done after a second and appended a minute later, but for the first failed record of each chunk ...
	w := newWorld(4000, fours(func(*job.Spec) {}))
	w.busy = func(job.ProcessRequest) time.Duration { return time.Second }
	w.failed = func(job.Chunk) int64 { return 1 }
	w.takes = func(q job.ProcessRequest) time.Duration {
		switch {
		case q.Chunk.First < 16:
			return time.Second
		case q.Chunk.First == 20:
			return 10 * time.Second // ... and 20 to 23 wait for 16 to 19
		}
		return 24 * time.Hour
	}
	var before, during, after job.Progress
	wantCanceled(t, w, w.first(t,
		alarm{500 * time.Millisecond, func(env *testsuite.TestWorkflowEnvironment) { before = progress(t, env) }},
		alarm{time.Hour, func(env *testsuite.TestWorkflowEnvironment) {
			during = progress(t, env)
			w.giveBack(env, 16, 1)
		}},
		alarm{2 * time.Hour, func(env *testsuite.TestWorkflowEnvironment) { after = progress(t, env) }},
		cancelAfter(3*time.Hour)))

	want := job.Progress{Listed: 32, ListedBytes: 320, InputBytes: 40000, Control: w.spec.Control(), Running: 4, Slots: 16, ChunkRecords: 4, Runs: 1}
	if before != want {
		t.Errorf("at the beginning %+v\nwant %+v", before, want)
	}
	want = job.Progress{
		Position: at(16), Totals: job.Totals{Failed: 4, Tries: 16}, Ahead: 4, AheadFailed: 1,
		Listed: during.Listed, ListedBytes: during.Listed * recordBytes, InputBytes: 40000, Control: w.spec.Control(), Running: 4, Slots: 16, ChunkRecords: 4, Runs: 1,
	}
	if during != want || during.Listed < 36 {
		t.Errorf("later %+v\nwant %+v", during, want)
	}
	if after.Running != 5 || after.Slots != 16 {
		t.Errorf("after slots came back %d chunks run with %d slots, want 5 with 16", after.Running, after.Slots)
	}
}

func TestProgressAtTheEndIsTheWholeInput(t *testing.T) {
	w := newWorld(40, fours(func(*job.Spec) {}))
	env := w.enter()
	env.ExecuteWorkflow(job.WorkflowType, mustJSON(t, w.spec), workflows.Carried{Runs: 2})
	want := job.Progress{
		Position: at(40), Totals: job.Totals{Tries: 40}, Listed: 40, ListedBytes: 400, ListedAll: true, InputBytes: 400, Control: w.spec.Control(), ChunkRecords: 4, Runs: 3,
	}
	if got := progress(t, env); got != want {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestProgressCanBeAskedBeforeAnythingIsKnown(t *testing.T) {
	w := newWorld(40, fours(func(*job.Spec) {}))
	w.delay[job.ActivityPrepare] = time.Hour
	var got job.Progress
	wantCanceled(t, w, w.first(t, alarm{time.Minute, func(env *testsuite.TestWorkflowEnvironment) { got = progress(t, env) }}, cancelAfter(2*time.Minute)))
	if want := (job.Progress{Control: w.spec.Control(), ChunkRecords: 4, Runs: 1}); got != want {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}
