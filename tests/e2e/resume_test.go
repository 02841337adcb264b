package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sys/unix"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/tests/harness"
)

// half is a job that was brought about half way, with the command that runs it.
type half struct {
	*harness.Bench
	target *harness.Target
	args   []string
	run    *harness.Process
}

const halfRecords, halfLimit = 2_000, 20

func halfWay(t *testing.T) *half {
	h := &half{Bench: harness.New(t), target: harness.NewTarget(t, harness.Fixed(25*time.Millisecond))}
	h.Worker()
	h.Write("in", harness.Lines(halfRecords))
	h.args = []string{"in", "--output", "out", "--http", h.target.Template(), "--concurrency", fmt.Sprint(halfLimit), "--job", "half"}
	h.run = h.Longhaul(h.args...)
	h.Until("half of the records requested", func() bool { n, _, _ := h.target.Counts(); return n >= halfRecords/2 })
	return h
}

// completes runs the same command again, if need be, and checks all there is; at most so many requests may have been repeated.
func (h *half) completes(repeated int) {
	h.T.Helper()
	h.Longhaul(h.args...).Ended(0)
	out := h.args[2]
	h.Same(out, harness.Oracle(halfRecords))
	h.Tidy(out)
	h.Verify(out).Ended(0)
	if n, _, _ := h.target.Counts(); n > halfRecords+repeated {
		h.T.Errorf("%d requests for %d records: more than %d were repeated", n, halfRecords, repeated)
	}
}

// TestResumeAfterReset resets the running job to its beginning: the output knows where it is.
func TestResumeAfterReset(t *testing.T) {
	for name, task := range map[string]int{"the first workflow task": 0, "after Prepare": 1} {
		t.Run(name, func(t *testing.T) {
			h := halfWay(t)
			h.reset(task)
			h.run.Ended(0) // it follows the job over the reset
			h.completes(halfLimit)
		})
	}
	t.Run("over before anybody looked", func(t *testing.T) {
		h := halfWay(t)
		harness.Must(t, h.run.Cmd.Process.Signal(unix.SIGSTOP))
		h.reset(0)
		harness.Must(t, h.Client.GetWorkflow(t.Context(), "half", "").Get(t.Context(), nil))
		harness.Must(t, h.run.Cmd.Process.Signal(unix.SIGCONT))
		h.run.Ended(0)
		h.completes(halfLimit)
	})
}

// reset has the job's run go on in another, from the end of one of its workflow tasks.
func (h *half) reset(task int) {
	h.T.Helper()
	run := h.runID()
	var ends []int64
	for _, e := range h.History("half", run).GetEvents() {
		if e.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			ends = append(ends, e.GetEventId())
		}
	}
	_, err := h.Client.ResetWorkflowExecution(h.T.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:         h.Namespace,
		WorkflowExecution: &common.WorkflowExecution{WorkflowId: "half", RunId: run},
		Reason:            "a test", WorkflowTaskFinishEventId: ends[task], RequestId: h.T.Name(),
	})
	harness.Must(h.T, err)
}

func (h *half) runID() string {
	h.T.Helper()
	d, err := h.Client.DescribeWorkflowExecution(h.T.Context(), "half", "")
	harness.Must(h.T, err)
	return d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}

// TestResumeAfterTheHistoryIsGone deletes the closed run, as its retention would.
func TestResumeAfterTheHistoryIsGone(t *testing.T) {
	h := held(t)
	h.Temporal("workflow", "cancel", "--workflow-id", "half")
	h.release()
	h.run.Ended(1)
	h.Temporal("workflow", "delete", "--workflow-id", "half")
	h.Until("the run gone", func() bool {
		_, err := h.Client.DescribeWorkflowExecution(t.Context(), "half", "")
		return err != nil && strings.Contains(err.Error(), "not found")
	})
	h.completes(0)
}

// TestAWorkflowTaskThatItsWorkerDiedWithIsDoneByAnother takes a workflow task from the server and never answers.
func TestAWorkflowTaskThatItsWorkerDiedWithIsDoneByAnother(t *testing.T) {
	b := harness.New(t)
	b.Write("in", harness.Lines(10))
	args := []string{"in", "--output", "out", "--task", "echo", "--job", "job"}
	b.Longhaul(append(args, "--detach")...).Ended(0)
	within, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	taken, err := b.Client.WorkflowService().PollWorkflowTaskQueue(within, &workflowservice.PollWorkflowTaskQueueRequest{
		Namespace: b.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: job.TaskQueue}, Identity: "a worker that dies now",
	})
	harness.Must(t, err)
	run := taken.GetWorkflowExecution().GetRunId()
	if run == "" {
		t.Fatal("no task was taken")
	}
	b.Worker()
	b.Longhaul(args...).Ended(0)
	b.Same("out", harness.Lines(10))
	events := b.History("job", run).GetEvents()
	if !slices.ContainsFunc(events, func(e *history.HistoryEvent) bool {
		return e.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT
	}) {
		t.Error("the task that was taken did not time out")
	}
	if got := events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowTaskTimeout().AsDuration(); got != job.WorkflowTaskTimeout {
		t.Errorf("it had %s, want %s", got, job.WorkflowTaskTimeout)
	}
}

// TestWorkerStopsGently sends SIGTERM to the only worker: tasks in flight end, and the next worker goes on.
func TestWorkerStopsGently(t *testing.T) {
	const n = 1_000
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(5*time.Millisecond))
	w := b.Worker()
	b.Write("in", harness.Lines(n))
	p := b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", "10")
	b.Until("some of the records requested", func() bool { total, _, _ := tg.Counts(); return total >= n/4 })
	w.Signal(15)
	w.Ended(0)
	b.Worker()
	p.Ended(0)
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)
}
