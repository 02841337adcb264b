package workers

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/longhaul/longhaul/job"
)

const (
	// reviveFor is how long after its start a worker looks for activities of dead ones: the server may hand a few more to a process that
	// just died, until it notices.
	reviveFor   = heartbeatTimeout
	reviveEvery = 500 * time.Millisecond
	reviveCall  = 2 * time.Second
	reviveJobs  = 100

	// heartbeatTimeout is that of the activities: after it Temporal itself notices.
	heartbeatTimeout = 10 * time.Second
)

// revive fails the activities that dead workers of this machine left, so that Temporal retries them now and not only when their heartbeat
// times out. It is a matter of seconds, never of correctness: segments are locked by those who live.
type revive struct {
	client    client.Client
	namespace string
}

// keep looks until ctx ends or nothing more can turn up.
func (r revive) keep(ctx context.Context) {
	end := time.After(reviveFor)
	t := time.NewTicker(reviveEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-end:
			return
		case <-t.C:
			r.look(ctx)
		}
	}
}

// look goes through the running jobs once. Errors are left to the next look.
func (r revive) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, reviveCall)
	defer cancel()
	list, err := r.client.WorkflowService().ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: r.namespace, PageSize: reviveJobs,
		Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", job.WorkflowType),
	})
	if err != nil {
		return
	}
	for _, w := range list.GetExecutions() {
		d, err := r.client.DescribeWorkflowExecution(ctx, w.GetExecution().GetWorkflowId(), w.GetExecution().GetRunId())
		if err != nil {
			continue
		}
		for _, a := range d.GetPendingActivities() {
			if a.GetState() == enums.PENDING_ACTIVITY_STATE_STARTED && dead(a.GetLastWorkerIdentity()) {
				r.fail(ctx, w.GetExecution(), a)
			}
		}
	}
}

func (r revive) fail(ctx context.Context, w *commonpb.WorkflowExecution, a *workflow.PendingActivityInfo) {
	cause := temporal.NewApplicationErrorWithOptions(
		fmt.Sprintf("worker %s died", a.GetLastWorkerIdentity()), string(job.Interrupted),
		temporal.ApplicationErrorOptions{NextRetryDelay: time.Millisecond, Category: temporal.ApplicationErrorCategoryBenign})
	// An error means that it ended in the meantime, or that its heartbeat will time out.
	_ = r.client.CompleteActivityByID(ctx, r.namespace, w.GetWorkflowId(), w.GetRunId(), a.GetActivityId(), nil, cause)
}
