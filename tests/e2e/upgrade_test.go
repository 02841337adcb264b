package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"github.com/longhaul/longhaul/internal/workers"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
	"github.com/longhaul/longhaul/tests/harness"
	"github.com/longhaul/longhaul/workflows"
)

// change names the change of the workflow that these tests make: a step more at the beginning of each run.
const change = "test-step"

// withStep is the workflow of a later version; asked says whether it asks in which version a run began, as docs/decisions/0007 wants it to.
func withStep(asked bool) func(workflow.Context, json.RawMessage, workflows.Carried) (job.Summary, error) {
	return func(ctx workflow.Context, spec json.RawMessage, carried workflows.Carried) (job.Summary, error) {
		if !asked || workflow.GetVersion(ctx, change, workflow.DefaultVersion, 1) >= 1 {
			if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
				return job.Summary{}, err
			}
		}
		return workflows.Map(ctx, spec, carried)
	}
}

// later starts a worker of that later version, in this process, until the function that it returns is called.
func later(b *harness.Bench, asked bool) (stop func()) {
	b.T.Helper()
	c, err := client.Dial(client.Options{HostPort: harness.Server.Address, Namespace: b.Namespace, Identity: workers.Identity(), Logger: harness.Quiet{}})
	harness.Must(b.T, err)
	w, err := workers.Start(b.T.Context(), c, workers.Options{
		Files: true, IO: true, Tasks: task.Builtin(), StopTimeout: time.Second, Namespace: b.Namespace, Map: withStep(asked),
	})
	harness.Must(b.T, err)
	return func() {
		w.Stop()
		c.Close()
	}
}

const upgradeRecords, upgradeLimit = 1_000, 20

// startUpgraded starts a job of many runs.
func startUpgraded(b *harness.Bench, tg *harness.Target) client.WorkflowRun {
	return b.StartJob("job", job.Spec{
		Input: job.Paths{b.Path("in")}, Output: b.Path("out"), Concurrency: upgradeLimit,
		Task:   job.Task{Name: "http", Args: []byte(`{"url":"` + tg.Template() + `"}`)},
		Tuning: job.Tuning{ActivitiesPerRun: 12, ChunkRecords: 25, Lanes: 4},
	})
}

// handedOver starts that job, and kills its worker, of the present version, in the middle of the first.
func handedOver(t *testing.T) (*harness.Bench, *harness.Target, client.WorkflowRun) {
	t.Helper()
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Gate = make(chan struct{})
	old := b.Worker()
	b.Write("in", harness.Lines(upgradeRecords))
	run := startUpgraded(b, tg)
	b.Until("the cap reached", func() bool { _, _, inFlight := tg.Counts(); return inFlight == upgradeLimit })
	old.Kill()
	return b, tg, run
}

// completed waits for the job's end, and checks that its output is exact and that no more was repeated than was in flight when so many workers of it ended.
func completed(b *harness.Bench, tg *harness.Target, run client.WorkflowRun, ended int) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.T.Context(), harness.Patience)
	defer cancel()
	harness.Must(b.T, run.Get(ctx, nil))
	b.Same("out", harness.Oracle(upgradeRecords))
	b.Tidy("out")
	if n, _, _ := tg.Counts(); n > upgradeRecords+ended*upgradeLimit {
		b.T.Errorf("%d requests for %d records", n, upgradeRecords)
	}
}

// ofLater says whether a run was one of the later version.
func ofLater(b *harness.Bench, runID string) bool {
	b.T.Helper()
	for _, e := range b.History("job", runID).Events {
		if strings.Contains(fmt.Sprint(e.GetMarkerRecordedEventAttributes().GetDetails()), change) {
			return true
		}
	}
	return false
}

// TestAJobLivesAcrossAChangeOfTheWorkflow hands a job, in the middle of a run, from a worker of the present version to one of a later version, which asks: the run ends as it began,
// the next ones are of the later version, and the output is exact.
func TestAJobLivesAcrossAChangeOfTheWorkflow(t *testing.T) {
	b, tg, run := handedOver(t)
	first := run.GetRunID()
	defer later(b, true)()
	close(tg.Gate)
	completed(b, tg, run, 1)
	d, err := b.Client.DescribeWorkflowExecution(t.Context(), "job", "")
	harness.Must(t, err)
	last := d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	if first == last || ofLater(b, first) || !ofLater(b, last) {
		t.Errorf("first run %s of the later version: %t; last run %s: %t", first, ofLater(b, first), last, ofLater(b, last))
	}
}

// TestAChangeThatDoesNotAskStopsNoJobForGood hands it to a worker of a later version that does not ask: its task fails, nothing else happens to it, and a worker of the version
// in which it began goes on with it.
func TestAChangeThatDoesNotAskStopsNoJobForGood(t *testing.T) {
	b, tg, run := handedOver(t)
	stop := later(b, false)
	harness.Must(t, b.Client.SignalWorkflow(t.Context(), "job", "", "nudge", nil)) // it may have nothing to do while all its chunks are held
	b.Until("the task failed", func() bool {
		for _, e := range b.History("job", run.GetRunID()).Events {
			if e.GetWorkflowTaskFailedEventAttributes().GetCause() == enums.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR {
				return true
			}
		}
		return false
	})
	if out, _ := on(b)(0, "status", "job"); !strings.Contains(out, "the workers cannot go on with it: ") || !strings.Contains(out, "TMPRL1100") {
		t.Errorf("status: %s", out)
	}
	stop()
	close(tg.Gate)
	b.Worker()
	completed(b, tg, run, 2)
}

// TestWorkersOfTwoVersionsBringAJobToItsEnd has both at work at once, as while they are being replaced: its runs are of the one version or the other.
func TestWorkersOfTwoVersionsBringAJobToItsEnd(t *testing.T) {
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	b.Worker()
	defer later(b, true)()
	b.Write("in", harness.Lines(upgradeRecords))
	completed(b, tg, startUpgraded(b, tg), 0)
}
