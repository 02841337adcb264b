package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/longhaul/longhaul/tests/harness"
)

// runsFound waits until the server finds so many runs by a query.
func runsFound(b *harness.Bench, query string, enough func(n int) bool) {
	b.T.Helper()
	b.Until("runs found by "+query, func() bool {
		r, err := b.Client.ListWorkflow(b.T.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		return err == nil && enough(len(r.GetExecutions()))
	})
}

// TestSearchAttributesFindAJob has them refused while the server does not know them, registered by doctor, and then finds jobs by them.
func TestSearchAttributesFindAJob(t *testing.T) {
	b := harness.New(t)
	do := on(b)
	b.Worker()
	path := b.Path("out")
	b.Write("in", harness.Lines(10))
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Refuses = func(record string) bool { return record == "7" }
	run := []string{"run", b.Path("in"), "--output", path, "--http", tg.Template(), "--progress", "none", "--max-failures", "100%"}
	_, said := do(1, append(run, "--search-attributes")...)
	if !strings.Contains(said, "has no LonghaulOutput, LonghaulInput, LonghaulTask (longhaul doctor --fix registers them") {
		t.Errorf("without them: %s", said)
	}
	if out, _ := do(0, "list", "--json"); out != "" {
		t.Errorf("a job was started without them: %s", out)
	}

	checked := func(args ...string) (state, found string) {
		t.Helper()
		out, _ := do(0, append([]string{"doctor", "--json"}, args...)...)
		for _, c := range decode[struct {
			Checks []struct{ Check, State, Found string }
		}](t, out).Checks {
			if c.Check == "search attributes" {
				state, found = c.State, c.Found
			}
		}
		return state, found
	}
	if state, found := checked(); state != "skipped" || !strings.Contains(found, "there is no LonghaulOutput") {
		t.Errorf("before they are registered: %s: %s", state, found)
	}
	if state, found := checked("--fix"); state != "ok" || !strings.Contains(found, "registered, now") {
		t.Errorf("as they are registered: %s: %s", state, found)
	}
	if state, found := checked("--fix"); state != "ok" || strings.Contains(found, "now") {
		t.Errorf("registered: %s: %s", state, found)
	}

	// The server takes a moment to know at a start what it has registered.
	var job *here
	b.Until("a start with them", func() bool {
		job = startHere(append(run, "--search-attributes", "--detach", "--json", "--address", harness.Server.Address, "--namespace", b.Namespace)...)
		return <-job.status == 0
	})
	do(3, "watch", path, "--progress", "none")
	runsFound(b, "LonghaulOutput = '"+path+"' AND LonghaulInput = '"+b.Path("in")+"' AND LonghaulTask = 'http'", func(n int) bool { return n == 1 })
	tg.Refuses = nil
	do(0, "retry", path, "--search-attributes", "--progress", "none")
	runsFound(b, "LonghaulOutput = '"+path+"'", func(n int) bool { return n == 2 })
	runsFound(b, "LonghaulOutput = '"+path+".x'", func(n int) bool { return n == 0 })

	// They go on from run to run of a job.
	b.Write("many", harness.Lines(1_000))
	spec, err := json.Marshal(map[string]any{
		"input": b.Path("many"), "output": b.Path("copy"), "task": map[string]any{"name": "echo"}, "tuning": map[string]any{"activitiesPerRun": 4, "chunkRecords": 100},
	})
	harness.Must(t, err)
	b.Temporal("workflow", "start", "--type", "Map", "--task-queue", "longhaul", "--workflow-id", "many", "--input", string(spec), "--search-attribute", `LonghaulOutput="`+b.Path("copy")+`"`)
	b.Temporal("workflow", "result", "--workflow-id", "many")
	runsFound(b, "LonghaulOutput = '"+b.Path("copy")+"' AND ExecutionStatus = 'ContinuedAsNew'", func(n int) bool { return n > 0 })
	runsFound(b, "LonghaulOutput = '"+b.Path("copy")+"' AND ExecutionStatus = 'Completed'", func(n int) bool { return n == 1 })
}

// TestTheEmbeddedServerGetsItsSearchAttributes starts a job with them on a server that is new.
func TestTheEmbeddedServerGetsItsSearchAttributes(t *testing.T) {
	b := harness.NewAlone(t)
	b.Write("in", harness.Lines(10))
	b.Env = []string{"LONGHAUL_SEARCH_ATTRIBUTES=true"}
	b.Embedded("state", "in", "--output", "out", "--task", "echo").Ended(0)
	b.Same("out", harness.Lines(10))
	b.Env = []string{"LONGHAUL_SEARCH_ATTRIBUTES=perhaps"}
	if p := b.Embedded("state", "in", "--output", "out", "--task", "echo").Ended(2); !strings.Contains(p.Errs(), "LONGHAUL_SEARCH_ATTRIBUTES=perhaps: want true or false") {
		t.Errorf("said: %s", p.Errs())
	}
}
