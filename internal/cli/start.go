package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/job"
)

// started is a job that runs.
type started struct {
	id     string
	run    client.WorkflowRun
	spec   job.Spec
	joined bool
	// page is that of the Web UI; empty where it is unknown.
	page string
	// json says that what was done is to be told as JSON.
	json bool
}

// start starts the job, with what its page says of it and the attributes by which it is found, or joins it where it runs.
func (e *engine) start(ctx context.Context, id string, spec job.Spec, details string, found temporal.SearchAttributes) (*started, error) {
	o := client.StartWorkflowOptions{
		ID:                                       id,
		TaskQueue:                                job.TaskQueue,
		WorkflowTaskTimeout:                      job.WorkflowTaskTimeout,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            summaryOf(spec),
		StaticDetails:                            details,
		Memo:                                     map[string]any{job.MemoDetails: details},
		TypedSearchAttributes:                    found,
	}
	for {
		run, err := e.client.ExecuteWorkflow(ctx, o, job.WorkflowType, spec)
		var running *serviceerror.WorkflowExecutionAlreadyStarted
		if err == nil {
			return &started{id: id, run: run, spec: spec, page: e.page(id, run.GetRunID())}, nil
		}
		if !errors.As(err, &running) {
			return nil, fmt.Errorf("start job %s: %w", id, err)
		}
		other, err := e.specOf(ctx, id, running.RunId)
		var gone *serviceerror.NotFound
		if errors.As(err, &gone) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("job %s is running; read what it does: %w", id, err)
		}
		if err := sameWork(id, other, spec); err != nil {
			return nil, err
		}
		return &started{id: id, run: e.client.GetWorkflow(ctx, id, running.RunId), spec: other, page: e.page(id, running.RunId), joined: true}, nil
	}
}

// specOf reads a running job's Spec from its history, which needs no worker.
func (e *engine) specOf(ctx context.Context, id, runID string) (job.Spec, error) {
	it := e.client.GetWorkflowHistory(ctx, id, runID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !it.HasNext() {
		return job.Spec{}, errors.New("its history is empty")
	}
	first, err := it.Next()
	if err != nil {
		return job.Spec{}, err
	}
	var raw json.RawMessage
	if err := e.settings.DataConverter.FromPayloads(first.GetWorkflowExecutionStartedEventAttributes().GetInput(), &raw); err != nil {
		return job.Spec{}, err
	}
	return job.ParseSpec(raw)
}

// sameWork refuses to join a job that does something else.
func sameWork(id string, running, wanted job.Spec) error {
	hint := "wait for it, end it with `temporal workflow cancel --workflow-id " + id + "`, or choose another --output or --job"
	switch {
	case running.Patch != nil && wanted.Patch != nil: // of the same output, or the output would not have named the same job
		wanted.Input, wanted.Output = running.Input, running.Output // which the output names anew while it is patched
	case running.Patch != nil:
		return &job.Error{Kind: job.OutputClaimed, Op: "join job", Path: id, Err: errors.New("its failed records are being retried"), Hint: "wait for that: longhaul retry comes back to it; or " + hint}
	case wanted.Patch != nil:
		return &job.Error{Kind: job.OutputClaimed, Op: "retry", Path: wanted.Patch.Output, Err: fmt.Errorf("job %s is running on it", id), Hint: hint}
	}
	for _, f := range []struct{ name, running, wanted string }{
		{"input", text(running.Input), text(wanted.Input)},
		{"input format", string(running.InputFormat), string(wanted.InputFormat)},
		{"selection of records", text(running.Selection), text(wanted.Selection)},
		{"output", running.Output, wanted.Output},
		{"task", running.Task.Name, wanted.Task.Name},
		{"task arguments", string(running.Task.Args), string(wanted.Task.Args)},
		{"format", string(running.Format), string(wanted.Format)},
		{"end of lines", string(running.OutputDelimiter), string(wanted.OutputDelimiter)},
		{"order", string(running.Order), string(wanted.Order)},
		{"selectInput", running.SelectInput, wanted.SelectInput},
		{"select", running.Select, wanted.Select},
	} {
		if f.running != f.wanted {
			return &job.Error{
				Kind: job.OutputClaimed, Op: "join job", Path: id, Hint: hint,
				Err: fmt.Errorf("it is running with another %s: %s, not %s", f.name, f.running, f.wanted),
			}
		}
	}
	if wanted.Overwrite && !running.Overwrite {
		return &job.Error{Kind: job.OutputClaimed, Op: "overwrite", Path: wanted.Output, Err: fmt.Errorf("job %s is running on it", id), Hint: hint}
	}
	return nil
}

// text is a part of a Spec as JSON.
func text(v any) string {
	b, _ := json.Marshal(v) // of strings and numbers
	return string(b)
}

// recent is how long ago a poller may have asked for work to count as alive: a long poll lasts a minute.
const recent = 75 * time.Second

// unserved returns the task queues that no worker polls.
func (e *engine) unserved(ctx context.Context) []string {
	var queues []string
	for queue, kind := range map[string]enums.TaskQueueType{
		job.TaskQueue: enums.TASK_QUEUE_TYPE_WORKFLOW, job.TaskQueueIO: enums.TASK_QUEUE_TYPE_ACTIVITY,
	} {
		d, err := e.client.DescribeTaskQueue(ctx, queue, kind)
		if err != nil {
			continue
		}
		alive := false
		for _, p := range d.GetPollers() {
			alive = alive || time.Since(p.GetLastAccessTime().AsTime()) < recent
		}
		if !alive {
			queues = append(queues, queue)
		}
	}
	slices.Sort(queues)
	return queues
}
