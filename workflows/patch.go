package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/longhaul/longhaul/job"
)

// patch ends a retry, all of whose records are answered: their results are put into their places, whatever happens to the workflow meanwhile.
func (c *coordinator) patch() (job.Summary, error) {
	q := job.PatchRequest{Output: c.spec.Patch.Output, From: c.spec.Output}
	ctx := workflow.WithActivityOptions(c.commit, local("patch "+q.Output))
	var p job.Patched
	if err := workflow.ExecuteActivity(ctx, job.ActivityPatchOutput, q).Get(ctx, &p); err != nil {
		return job.Summary{}, c.stopped(err)
	}
	s := job.Summary{
		Output: q.Output, Records: p.Position.Records, Failed: p.Totals.Failed, OutputBytes: p.Position.OutputBytes,
		OutputDigest: p.OutputDigest, TaskMicros: c.totals.TaskMicros, Retried: c.position.Records, FailedAgain: c.totals.Failed,
	}
	if s.Failed > 0 {
		s.Errors = job.ErrorsPath(q.Output)
	}
	c.tellEnd(s)
	return s, nil
}
