package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
)

// TestNoWorkerIsSaid follows a job that nobody works on: it says so, and how to start a worker, and goes on when there is one.
func TestNoWorkerIsSaid(t *testing.T) {
	b := newBench(t)
	b.write("in", lines(10))
	p := b.longhaul("in", "--output", "out", "--task", "echo")
	p.says("no worker polls task queue longhaul or longhaul-io; start one: longhaul-worker --address " + server.Address + " --namespace " + b.namespace)
	b.worker()
	p.ended(0)
	b.same("out", lines(10))
}

func TestNoServerIsSaid(t *testing.T) {
	b := newBench(t)
	b.write("in", lines(10))
	p := b.start(longhaulProgram, "run", "in", "--output", "out", "--task", "echo", "--address", "127.0.0.1:1").ended(1)
	if !strings.Contains(p.errs(), "no Temporal server at 127.0.0.1:1") {
		t.Errorf("said: %s", p.errs())
	}
}

// TestDetach starts a job and comes back to it.
func TestDetach(t *testing.T) {
	b := newBench(t)
	b.write("in", lines(10))
	args := []string{"in", "--output", "out", "--task", "echo", "--job", "my-job"}
	b.longhaul(append(args, "--detach")...).ended(0).says("job my-job started")
	p := b.longhaul(args...)
	p.says("job my-job joined")
	b.worker()
	p.ended(0)
	b.same("out", lines(10))
}

// TestTemporalsOwnCommandStartsAJob starts a job without any program of longhaul's but the worker.
func TestTemporalsOwnCommandStartsAJob(t *testing.T) {
	b := newBench(t)
	b.worker()
	b.write("in", lines(10))
	b.spec("job.json", map[string]any{"input": b.path("in"), "output": b.path("out"), "task": map[string]any{"name": "echo"}})
	b.temporal("workflow", "start", "--type", "Map", "--task-queue", "longhaul", "--workflow-id", "plain", "--input-file", b.path("job.json"))
	var result struct{ Result job.Summary }
	must(t, json.Unmarshal(b.temporal("workflow", "result", "--workflow-id", "plain", "--output", "json"), &result))
	if result.Result.Records != 10 || result.Result.Failed != 0 || result.Result.OutputDigest == "" {
		t.Errorf("result: %+v", result.Result)
	}
	b.same("out", lines(10))
}

// TestImpossibleSpecsAreRefusedByName fails the workflow at once, with the field in the message.
func TestImpossibleSpecsAreRefusedByName(t *testing.T) {
	b := newBench(t)
	b.worker()
	b.write("in", lines(10))
	good := map[string]any{"input": b.path("in"), "output": b.path("out"), "task": map[string]any{"name": "echo"}}
	for name, c := range map[string]struct {
		field string
		value any
		want  string
	}{
		"unknown field":   {"concurency", 5, `unknown field "concurency"`},
		"impossible":      {"concurrency", -1, "concurrency: -1 is not within 1 to 100000"},
		"wrong type":      {"timeout", 30, "duration 30"},
		"relative input":  {"input", "in", `input: "in" is not an absolute path`},
		"unknown task":    {"task", map[string]any{"name": "tripel"}, `no task "tripel"`},
		"unknown arg":     {"task", map[string]any{"name": "echo", "args": map[string]any{"x": 1}}, `unknown field "x"`},
		"same in and out": {"output", b.path("in"), "output: the same file as the input"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := map[string]any{c.field: c.value}
			for k, v := range good {
				if k != c.field {
					spec[k] = v
				}
			}
			id := strings.ReplaceAll(name, " ", "-")
			b.spec(id+".json", spec)
			b.temporal("workflow", "start", "--type", "Map", "--task-queue", "longhaul", "--workflow-id", id, "--input-file", b.path(id+".json"))
			out := string(b.temporal("workflow", "result", "--workflow-id", id, "--output", "json"))
			if !strings.Contains(out, "InvalidSpec") || !strings.Contains(out, strings.ReplaceAll(c.want, `"`, `\"`)) {
				t.Errorf("result: %s", out)
			}
		})
	}
}

// spec writes a Spec as JSON.
func (b *bench) spec(name string, v any) {
	b.t.Helper()
	data, err := json.Marshal(v)
	must(b.t, err)
	b.write(name, data)
}

// temporal runs Temporal's own program and returns what it prints; a workflow that failed is no error here.
func (b *bench) temporal(args ...string) []byte {
	b.t.Helper()
	cmd := exec.Command(temporalProgram, append(args, "--address", server.Address, "--namespace", b.namespace)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && args[1] != "result" {
		b.t.Fatalf("%s: %v\n%s", cmd, err, stderr.Bytes())
	}
	return out
}
