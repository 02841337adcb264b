package workflows_test

import (
	"context"
	"testing"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/workflows"
)

// patched is what a world answers to PatchOutput.
var patched = job.Patched{
	Position: job.Position{Records: 1000, OutputBytes: 5000}, Totals: job.Totals{Failed: 3, Tries: 1100}, OutputDigest: "the whole output's",
}

// retryOf runs a retry of so many records in a world whose PatchOutput is f.
func (w *world) retryOf(t *testing.T, f func(context.Context, job.PatchRequest) (job.Patched, error)) result {
	t.Helper()
	w.spec.Patch = &job.Patch{Output: "/data/whole", Job: "the job"}
	env := w.enter()
	env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: job.ActivityPatchOutput})
	env.ExecuteWorkflow(job.WorkflowType, mustJSON(t, w.spec), workflows.Carried{})
	r := result{err: env.GetWorkflowError()}
	if r.err == nil {
		if err := env.GetWorkflowResult(&r.Summary); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestARetryEndsWithItsResultsInTheirPlaces(t *testing.T) {
	for name, complete := range map[string]bool{"when all is answered": false, "where all was answered before": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(40, fours(func(*job.Spec) {}))
			w.failed = func(c job.Chunk) int64 {
				if c.First == 0 {
					return 2
				}
				return 0
			}
			if complete {
				w.position, w.complete, w.totals = at(40), true, job.Totals{Failed: 2}
			}
			var asked []job.PatchRequest
			r := w.retryOf(t, func(_ context.Context, q job.PatchRequest) (job.Patched, error) {
				if w.position.Records != 40 || !w.complete {
					t.Errorf("asked for at record %d", w.position.Records)
				}
				asked = append(asked, q)
				return patched, nil
			})
			want := job.Summary{
				Output: "/data/whole", Errors: "/data/whole.longhaul/errors.jsonl", Records: 1000, Failed: 3, OutputBytes: 5000, OutputDigest: "the whole output's",
				Retried: 40, FailedAgain: 2,
			}
			if r.err != nil || r.Summary != want {
				t.Errorf("%v, want %+v", r, want)
			}
			if len(asked) != 1 || asked[0] != (job.PatchRequest{Output: "/data/whole", From: w.spec.Output}) {
				t.Errorf("asked %+v", asked)
			}
		})
	}
}

func TestARetryWhoseResultsCannotBePutIntoTheirPlacesFails(t *testing.T) {
	w := newWorld(4, fours(func(*job.Spec) {}))
	r := w.retryOf(t, func(context.Context, job.PatchRequest) (job.Patched, error) {
		return job.Patched{}, temporal.NewNonRetryableApplicationError("patch /data/whole: somebody changed it", string(job.OutputChanged), nil)
	})
	wantFailed(t, r, job.OutputChanged, "somebody changed it")
}
