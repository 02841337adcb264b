package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/longhaul/longhaul/job"
)

// heartbeatTimeout is after how long without a heartbeat an activity counts as dead. Heartbeats come every second. Short activities have it
// too: the server may hand a task to a worker that never gets to see it.
const heartbeatTimeout = 10 * time.Second

// local is the options of the activities that work on files, and are done where the files are. They may unpack the input, pass over much of it, or write
// what the window holds.
func local(text string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           job.TaskQueue,
		StartToCloseTimeout: 24 * time.Hour,
		HeartbeatTimeout:    heartbeatTimeout,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second,
		},
		Summary: summary(text),
	}
}

// summary bounds what the server takes as an activity's summary.
func summary(text string) string {
	if len(text) <= maxSummary {
		return text
	}
	const more = "…"
	return more + strings.ToValidUTF8(text[len(text)-maxSummary+len(more):], "")
}

// maxSummary is the server's bound of a summary, in bytes.
const maxSummary = 400

func prepare(ctx workflow.Context, q job.PrepareRequest) (p job.Prepared, err error) {
	ctx = workflow.WithActivityOptions(ctx, local("claim "+q.Spec.Output))
	err = workflow.ExecuteActivity(ctx, job.ActivityPrepare, q).Get(ctx, &p)
	return p, err
}

func listChunks(ctx workflow.Context, q job.ListRequest) workflow.Future {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, local("from record "+commas(q.Record)+" on")), job.ActivityListChunks, q)
}

func appendOutput(ctx workflow.Context, q job.AppendRequest) workflow.Future {
	o := local("the end of the input")
	if n := len(q.Chunks); n > 0 {
		o.Summary = summary(named(job.Chunk{First: q.From.Records, Records: int(q.Chunks[n-1].End() - q.From.Records)}))
	}
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o), job.ActivityAppendOutput, q)
}

// processChunk has no time-out of its own but the heartbeat's: a chunk takes as long as its tasks do, and an outage as long as it lasts.
func processChunk(ctx workflow.Context, q job.ProcessRequest) workflow.Future {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           job.TaskQueueIO,
		StartToCloseTimeout: 365 * 24 * time.Hour,
		HeartbeatTimeout:    heartbeatTimeout,
		WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
		},
		Summary: summary(named(q.Chunk)),
	}), job.ActivityProcessChunk, q)
}
