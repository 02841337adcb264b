package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"github.com/longhaul/longhaul/job"
)

// StartJob starts a job as a program does, with the tuning that tests want.
func (b *Bench) StartJob(id string, s job.Spec) client.WorkflowRun {
	b.T.Helper()
	run, err := b.Client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: id, TaskQueue: job.TaskQueue}, job.WorkflowType, s)
	Must(b.T, err)
	return run
}

// History returns a run's history.
func (b *Bench) History(id, runID string) *history.History {
	b.T.Helper()
	h := &history.History{}
	it := b.Client.GetWorkflowHistory(context.Background(), id, runID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		Must(b.T, err)
		h.Events = append(h.Events, e)
	}
	return h
}

// Spec writes a Spec as JSON.
func (b *Bench) Spec(name string, v any) {
	b.T.Helper()
	data, err := json.Marshal(v)
	Must(b.T, err)
	b.Write(name, data)
}

// Temporal runs Temporal's own program and returns what it prints; a workflow that failed is no error here.
func (b *Bench) Temporal(args ...string) []byte {
	b.T.Helper()
	cmd := exec.Command(TemporalProgram, append(args, "--address", Server.Address, "--namespace", b.Namespace)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && args[1] != "result" {
		b.T.Fatalf("%s: %v\n%s", cmd, err, stderr.Bytes())
	}
	return out
}

// WorkersOf returns the workers that started activities of a job's current run, by name.
func (b *Bench) WorkersOf(id string) map[string]bool {
	b.T.Helper()
	found := map[string]bool{}
	for _, e := range b.History(id, "").Events {
		if a := e.GetActivityTaskStartedEventAttributes(); a != nil {
			found[a.GetIdentity()] = true
		}
	}
	return found
}
