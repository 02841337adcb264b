// Package workers is what a longhaul worker runs: the workflow and the activities, on their two task queues. The programs longhaul-worker and
// longhaul (with the embedded server) run the same.
package workers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/longhaul/longhaul/activities"
	"github.com/longhaul/longhaul/internal/guard"
	"github.com/longhaul/longhaul/internal/metrics"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/task"
	"github.com/longhaul/longhaul/workflows"
)

// Options chooses what a worker does.
type Options struct {
	// Files says that it serves job.TaskQueue: workflows, and the activities that need the files.
	Files bool
	// IO says that it serves job.TaskQueueIO: the tasks.
	IO bool
	// Tasks is what it can run.
	Tasks task.Registry
	// StopTimeout is how long tasks in flight may take to end when it is told to stop.
	StopTimeout time.Duration
	// Namespace is the client's.
	Namespace string
	// Guard is what jobs may do on it; nil is everything.
	Guard *guard.Policy
	// Metrics is what it counts its work in; nil where nobody asks for it.
	Metrics *metrics.Metrics
	// Map is what it runs as the workflow [job.WorkflowType]; nil is workflows.Map. Tests of a change of the workflow give another.
	Map func(workflow.Context, json.RawMessage, workflows.Carried) (job.Summary, error)
	// Converter is the client's; nil is the SDK's own.
	Converter converter.DataConverter
	// OnFatal is told the error after which the worker can do no more.
	OnFatal func(error)
}

// Workers is a running worker.
type Workers struct {
	workers []worker.Worker
	work    *activities.Activities
	stop    context.CancelFunc
	revived chan struct{}
}

const (
	// stopMargin is what is left of the stop time-out for an activity to tell Temporal how it ended.
	stopMargin = 2 * time.Second
	// maxChunks is how many chunks one worker takes at once, as many as one job may have running.
	maxChunks = 500
	// stickyTimeout is how long a workflow task waits for the worker that has the workflow in memory, before it goes to any other: what a
	// dead one costs.
	stickyTimeout = time.Second
)

// Start starts a worker on the client's namespace. It returns when the worker polls.
func Start(ctx context.Context, c client.Client, o Options) (*Workers, error) {
	info, err := c.WorkflowService().GetClusterInfo(ctx, &workflowservice.GetClusterInfoRequest{})
	if err != nil {
		return nil, fmt.Errorf("ask the Temporal server who it is: %w", err)
	}
	a := &activities.Activities{
		Tasks: o.Tasks, Caller: caller{c}, StopTimeout: o.StopTimeout, Cluster: info.GetClusterId(), Busy: busy,
		Alive: func(ctx context.Context, held output.Claim) (bool, error) { return alive(ctx, c, held) },
		Guard: o.Guard, Metrics: o.Metrics,
	}
	o.Metrics.Watch(a.Jobs)
	common := worker.Options{
		WorkerStopTimeout: o.StopTimeout + stopMargin,
		// Heartbeats carry the progress within chunks.
		MaxHeartbeatThrottleInterval:     time.Second,
		DefaultHeartbeatThrottleInterval: time.Second,
		OnFatalError:                     o.OnFatal,
		StickyScheduleToStartTimeout:     stickyTimeout,
	}
	r := revive{client: c, namespace: o.Namespace}
	r.look(ctx)
	ws := &Workers{work: a, revived: make(chan struct{})}
	ctx, ws.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(ws.revived)
		r.keep(ctx)
	}()
	if o.Files {
		w := worker.New(c, job.TaskQueue, common)
		if o.Map == nil {
			o.Map = workflows.Map
		}
		w.RegisterWorkflowWithOptions(func(ctx workflow.Context, spec json.RawMessage, carried workflows.Carried) (job.Summary, error) {
			return o.Map(workflows.WithConverter(ctx, o.Converter), spec, carried)
		}, workflow.RegisterOptions{Name: job.WorkflowType})
		w.RegisterWorkflowWithOptions(workflows.Call, workflow.RegisterOptions{Name: job.WorkflowCall})
		w.RegisterActivityWithOptions(a.Prepare, activity.RegisterOptions{Name: job.ActivityPrepare})
		w.RegisterActivityWithOptions(a.ListChunks, activity.RegisterOptions{Name: job.ActivityListChunks})
		w.RegisterActivityWithOptions(a.AppendOutput, activity.RegisterOptions{Name: job.ActivityAppendOutput})
		w.RegisterActivityWithOptions(a.PatchOutput, activity.RegisterOptions{Name: job.ActivityPatchOutput})
		ws.workers = append(ws.workers, w)
	}
	if o.IO {
		io := common
		io.DisableWorkflowWorker = true
		io.MaxConcurrentActivityExecutionSize = maxChunks
		w := worker.New(c, job.TaskQueueIO, io)
		w.RegisterActivityWithOptions(a.ProcessChunk, activity.RegisterOptions{Name: job.ActivityProcessChunk})
		ws.workers = append(ws.workers, w)
	}
	for i, w := range ws.workers {
		if err := w.Start(); err != nil {
			ws.workers = ws.workers[:i]
			ws.Stop()
			return nil, fmt.Errorf("start worker: %w", err)
		}
	}
	return ws, nil
}

// Stop stops taking work, lets tasks in flight end within the stop time-out, and returns when all has ended.
func (ws *Workers) Stop() {
	ws.stop()
	<-ws.revived
	done := make(chan struct{})
	for _, w := range ws.workers {
		go func() {
			w.Stop()
			done <- struct{}{}
		}()
	}
	for range ws.workers {
		<-done
	}
	ws.work.Close()
}

// alive says whether the workflow of a claim is running.
func alive(ctx context.Context, c client.Client, held output.Claim) (bool, error) {
	r, err := c.WorkflowService().DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: held.Namespace,
		Execution: &commonpb.WorkflowExecution{WorkflowId: held.WorkflowID},
	})
	var notFound *serviceerror.NotFound
	var noNamespace *serviceerror.NamespaceNotFound
	if errors.As(err, &notFound) || errors.As(err, &noNamespace) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask whether job %q is running: %w", held.WorkflowID, err)
	}
	return r.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}
