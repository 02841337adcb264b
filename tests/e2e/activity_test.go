package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/tests/harness"
)

// typescript starts the worker of examples/typescript, which make has built in bin/typescript.
func typescript(t *testing.T, b *harness.Bench) {
	t.Helper()
	main := filepath.Join(example(t, ""), "..", "bin", "typescript", "lib", "worker.js")
	if _, err := os.Stat(main); err != nil {
		t.Fatalf("%v (make typescript builds it; it needs node and npm)", err)
	}
	node, err := exec.LookPath("node")
	harness.Must(t, err)
	b.Env = append(b.Env, "TEMPORAL_ADDRESS="+harness.Server.Address, "TEMPORAL_NAMESPACE="+b.Namespace)
	b.Start(node, main)
}

// calls counts the workflows that called an activity.
func calls(t *testing.T, b *harness.Bench) int64 {
	t.Helper()
	r, err := b.Client.CountWorkflow(context.Background(), &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: b.Namespace, Query: "WorkflowType = '" + job.WorkflowCall + "'",
	})
	harness.Must(t, err)
	return r.GetCount()
}

// TestTypeScriptActivity has a worker of the TypeScript SDK do the task: the same order and failure policy; each record is seen in the Web UI.
func TestTypeScriptActivity(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	typescript(t, b)
	var in, want bytes.Buffer
	const n = 30
	for i := range n {
		if i == 7 {
			in.WriteString("\n")
			want.WriteString("null\n")
			continue
		}
		fmt.Fprintf(&in, "word %d\n", i)
		fmt.Fprintf(&want, `{"loud":"WORD %d","attempt":1}`+"\n", i)
	}
	b.Write("in", in.Bytes())
	b.Longhaul("in", "--output", "out", "--format", "json", "--concurrency", "10", "--timeout", "2m", "--activity", "shout", "--activity-queue", "shouting").Ended(3)
	b.Same("out", want.Bytes())
	b.Same("out.longhaul/errors.jsonl", []byte(`{"record":7,"input":"","error":"activity shout: nothing to shout","tries":1}`+"\n"))
	b.Until("a workflow for each record to be seen", func() bool { return calls(t, b) >= n }) // more where a call was made again
}

func TestTypeScriptActivityInBatches(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	typescript(t, b)
	const n = 200
	var in, want bytes.Buffer
	for i := range n {
		if i == 100 {
			in.WriteString("\n")
			want.WriteString("\n")
			continue
		}
		fmt.Fprintf(&in, "word %d\n", i)
		fmt.Fprintf(&want, "WORD %d\n", i)
	}
	b.Write("in", in.Bytes())
	b.Longhaul("in", "--output", "out", "--concurrency", "40", "--timeout", "2m", "--activity", "shoutAll", "--activity-queue", "shouting", "--activity-batch", "20").Ended(3)
	b.Same("out", want.Bytes())
	b.Same("out.longhaul/errors.jsonl", []byte(`{"record":100,"input":"","error":"activity shoutAll: nothing to shout","tries":1}`+"\n"))
	if got := calls(t, b); got > n/2 {
		t.Errorf("%d workflows for %d records", got, n)
	}
}

// TestAnActivityOutlivesTheWorkerThatCalledIt kills longhaul's worker while activities of another worker run: the next one waits for those
// that run, and none runs twice.
func TestAnActivityOutlivesTheWorkerThatCalledIt(t *testing.T) {
	const n = 8
	b := harness.New(t)
	var mu sync.Mutex
	ran := map[string]int{}
	gate := make(chan struct{})
	theirs := worker.New(b.Client, "theirs", worker.Options{})
	theirs.RegisterActivityWithOptions(func(_ context.Context, x string) (string, error) {
		mu.Lock()
		ran[x]++
		mu.Unlock()
		<-gate
		return "<" + x + ">", nil
	}, activity.RegisterOptions{Name: "theirs"})
	harness.Must(t, theirs.Start())
	t.Cleanup(theirs.Stop)
	started := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(ran)
	}

	w := b.Worker()
	b.Write("in", harness.Lines(n))
	p := b.Longhaul("in", "--output", "out", "--timeout", "10m", "--concurrency", fmt.Sprint(n), "--activity", "theirs", "--activity-queue", "theirs")
	b.Until("all activities run", func() bool { return started() == n })
	w.Signal(syscall.SIGKILL)
	<-w.Exited
	b.Worker()
	// The next worker has told twice that it has all in flight: by then it has found the calls.
	told := map[time.Time]bool{}
	b.Until("another worker waits for them", func() bool {
		jobs, err := b.Client.ListWorkflow(context.Background(), &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: b.Namespace, Query: "WorkflowType = '" + job.WorkflowType + "'",
		})
		if err != nil || len(jobs.GetExecutions()) != 1 {
			return false
		}
		d, err := b.Client.DescribeWorkflowExecution(context.Background(), jobs.GetExecutions()[0].GetExecution().GetWorkflowId(), "")
		if err != nil {
			return false
		}
		inFlight, last := 0, time.Time{}
		for _, a := range d.GetPendingActivities() {
			var h job.Heartbeat
			if a.GetAttempt() > 1 && converter.GetDefaultDataConverter().FromPayloads(a.GetHeartbeatDetails(), &h) == nil {
				inFlight += h.InFlight
				last = a.GetLastHeartbeatTime().AsTime()
			}
		}
		if inFlight == n {
			told[last] = true
		}
		return len(told) > 2
	})
	close(gate)
	p.Ended(0)
	b.Same("out", shouted(n))
	for x, times := range ran {
		if times != 1 {
			t.Errorf("%s ran %d times", x, times)
		}
	}
}

// TestAnActivityThatNobodyServesYetIsAnOutage: no record is burnt; when a worker comes, all get done.
func TestAnActivityThatNobodyServesYetIsAnOutage(t *testing.T) {
	const n = 400
	b := harness.New(t)
	b.Worker()
	b.Write("in", harness.Lines(n))
	p := b.Longhaul("in", "--output", "out", "--concurrency", "200", "--timeout", "10s", "--retries", "1",
		"--activity", "late", "--activity-queue", "late", "--activity-batch", "50")
	p.Says("seems to be down")
	late := worker.New(b.Client, "late", worker.Options{})
	late.RegisterActivityWithOptions(func(_ context.Context, xs []string) ([]string, error) {
		for i, x := range xs {
			xs[i] = "<" + x + ">"
		}
		return xs, nil
	}, activity.RegisterOptions{Name: "late"})
	harness.Must(t, late.Start())
	t.Cleanup(late.Stop)
	p.Ended(0)
	b.Same("out", shouted(n))
}
