package workers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// caller implements task.Caller by a workflow for each call.
type caller struct{ client client.Client }

const (
	// callMargin is how much earlier than the try's own time-out a call ends by itself, at most: its error says more.
	callMargin = 2 * time.Second
	// abandonedAfter is how long after its time-out a call ends that nobody looks after.
	abandonedAfter = time.Minute
	// cancelTimeout bounds telling the server that a call's time is out.
	cancelTimeout = 5 * time.Second
)

// Call implements task.Caller.
func (c caller) Call(ctx context.Context, q task.Call) (json.RawMessage, error) {
	timeout := 24 * time.Hour
	if end, ok := ctx.Deadline(); ok {
		timeout = time.Until(end)
		timeout = max(timeout-min(timeout/10, callMargin), time.Millisecond)
	}
	value, err := c.once(ctx, q, timeout)
	var canceled *temporal.CanceledError
	if errors.As(err, &canceled) && ctx.Err() == nil && !q.Anew { // it met one that was ending, its time being out
		q.Anew = true
		value, err = c.once(ctx, q, timeout)
	}
	switch {
	case err == nil && value == nil:
		return json.RawMessage("null"), nil
	case err == nil:
		return value, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("activity %s: %w", q.Activity, ctx.Err())
	}
	return nil, callFailed(q, timeout, err)
}

// once starts the call's workflow, or finds it, and waits for its end.
func (c caller) once(ctx context.Context, q task.Call, timeout time.Duration) (value json.RawMessage, err error) {
	o := client.StartWorkflowOptions{
		ID:                       q.ID,
		TaskQueue:                job.TaskQueue,
		WorkflowTaskTimeout:      job.WorkflowTaskTimeout,
		WorkflowExecutionTimeout: timeout + abandonedAfter,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		EnableEagerStart:         true,
		StaticSummary:            q.Activity + " on " + q.Queue,
	}
	if q.Anew {
		o.WorkflowIDConflictPolicy = enums.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
	}
	run, err := c.client.ExecuteWorkflow(ctx, o, job.WorkflowCall, job.CallRequest{
		Activity: q.Activity, Queue: q.Queue, Input: q.Input, Timeout: job.Duration(timeout),
	})
	if err != nil {
		return nil, err
	}
	err = run.Get(ctx, &value)
	if err != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
		defer stop()
		_ = c.client.CancelWorkflow(ctx, run.GetID(), run.GetRunID()) // an error means that it has ended, or will at its own time-out
	}
	return value, err
}

// callFailed classifies how a call failed.
func callFailed(q task.Call, timeout time.Duration, err error) error {
	e := &task.Error{Class: task.Transient, Err: fmt.Errorf("activity %s: %w", q.Activity, err)}
	var app *temporal.ApplicationError
	var late *temporal.TimeoutError
	var canceled *temporal.CanceledError
	var terminated *temporal.TerminatedError
	var invalid *serviceerror.InvalidArgument
	switch {
	case errors.As(err, &app):
		e.Err, e.After = fmt.Errorf("activity %s: %s", q.Activity, app.Message()), app.NextRetryDelay()
		if app.NonRetryable() {
			e.Class = task.Permanent
		}
	case errors.As(err, &late):
		e.Err = fmt.Errorf("activity %s: no result within %s (is there a worker for the task queue %s?)", q.Activity, timeout.Round(time.Millisecond), q.Queue)
	case errors.As(err, &canceled), errors.As(err, &terminated):
		e.Err = fmt.Errorf("activity %s: its workflow %s was canceled or terminated", q.Activity, q.ID)
	case errors.As(err, &invalid): // as of a payload that is too large
		e.Class = task.Permanent
	}
	return e
}
