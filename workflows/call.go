package workflows

import (
	"encoding/json"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/longhaul/longhaul/job"
)

// Call runs somebody else's activity once. It is the workflow CallActivity: one try of the task activity, which does the retrying.
func Call(ctx workflow.Context, q job.CallRequest) (json.RawMessage, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              q.Queue,
		ScheduleToCloseTimeout: time.Duration(q.Timeout),
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	var result json.RawMessage
	err := workflow.ExecuteActivity(ctx, q.Activity, q.Input).Get(ctx, &result)
	return result, err
}
