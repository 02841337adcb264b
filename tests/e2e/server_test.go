package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/tests/harness"
)

// TestNoWorkerIsSaid follows a job that nobody works on: it says so, and how to start a worker, and goes on when there is one.
func TestNoWorkerIsSaid(t *testing.T) {
	b := harness.New(t)
	b.Write("in", harness.Lines(10))
	p := b.Longhaul("in", "--output", "out", "--task", "echo")
	p.Says("no worker polls task queue longhaul or longhaul-io; start one: longhaul-worker --address " + harness.Server.Address + " --namespace " + b.Namespace)
	b.Worker()
	p.Ended(0)
	b.Same("out", harness.Lines(10))
}

func TestNoServerIsSaid(t *testing.T) {
	b := harness.New(t)
	b.Write("in", harness.Lines(10))
	p := b.Start(harness.LonghaulProgram, "run", "in", "--output", "out", "--task", "echo", "--address", "127.0.0.1:1").Ended(1)
	if !strings.Contains(p.Errs(), "no Temporal server at 127.0.0.1:1") {
		t.Errorf("said: %s", p.Errs())
	}
}

// TestFollowingOutlivesTheServer kills the server under a job that is followed: it is said, and when the server is back the job and those who follow it go on.
func TestFollowingOutlivesTheServer(t *testing.T) {
	const n = 100
	b := harness.NewAlone(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Gate = make(chan struct{})
	server := b.DevServer("temporal.db")
	server.Start(b)
	b.Start(harness.WorkerProgram, "--address", server.Address)
	b.Write("in", harness.Lines(n))
	args := []string{"--address", server.Address, "--progress", "plain"}
	run := b.Start(harness.LonghaulProgram, append([]string{"run", "in", "--output", "out", "--http", tg.Template(), "--concurrency", "10", "--timeout", "1h"}, args...)...)
	b.Until("the cap reached", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 10 })
	watch := b.Start(harness.LonghaulProgram, append([]string{"watch", "out"}, args...)...)
	watch.Says("10 of 10 in flight")
	server.Kill()
	for _, p := range []*harness.Process{run, watch} {
		p.Says("waiting: the server at " + server.Address + " does not answer")
	}
	server.Start(b)
	close(tg.Gate)
	for _, p := range []*harness.Process{run, watch} {
		if p.Ended(0); !strings.Contains(p.Out(), "done: 100 records, 0 failed") {
			t.Errorf("said: %s", p.Out())
		}
	}
	b.Same("out", harness.Oracle(n))
}

// TestDetach starts a job and comes back to it.
func TestDetach(t *testing.T) {
	b := harness.New(t)
	b.Write("in", harness.Lines(10))
	args := []string{"in", "--output", "out", "--task", "echo", "--job", "my-job"}
	b.Longhaul(append(args, "--detach")...).Ended(0).Says("job my-job started")
	p := b.Longhaul(args...)
	p.Says("job my-job joined")
	b.Worker()
	p.Ended(0)
	b.Same("out", harness.Lines(10))
}

// TestTemporalsOwnCommandStartsAJob starts a job without any program of longhaul's but the worker.
func TestTemporalsOwnCommandStartsAJob(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	b.Write("in", harness.Lines(10))
	b.Spec("job.json", map[string]any{"input": b.Path("in"), "output": b.Path("out"), "task": map[string]any{"name": "echo"}})
	b.Temporal("workflow", "start", "--type", "Map", "--task-queue", "longhaul", "--workflow-id", "plain", "--input-file", b.Path("job.json"))
	var result struct{ Result job.Summary }
	harness.Must(t, json.Unmarshal(b.Temporal("workflow", "result", "--workflow-id", "plain", "--output", "json"), &result))
	if result.Result.Records != 10 || result.Result.Failed != 0 || result.Result.OutputDigest == "" {
		t.Errorf("result: %+v", result.Result)
	}
	b.Same("out", harness.Lines(10))
}

// TestImpossibleSpecsAreRefusedByName fails the workflow at once, with the field in the message.
func TestImpossibleSpecsAreRefusedByName(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	b.Write("in", harness.Lines(10))
	good := map[string]any{"input": b.Path("in"), "output": b.Path("out"), "task": map[string]any{"name": "echo"}}
	for name, c := range map[string]struct {
		field string
		value any
		want  string
	}{
		"unknown field":   {"concurency", 5, `unknown field "concurency"`},
		"impossible":      {"concurrency", -1, "concurrency: -1 is not within 1 to 100000"},
		"wrong type":      {"timeout", 30, `timeout: 30 is not a duration such as "30s"`},
		"relative input":  {"input", "in", `input: "in" is not an absolute path`},
		"unknown task":    {"task", map[string]any{"name": "tripel"}, `no task "tripel"`},
		"unknown arg":     {"task", map[string]any{"name": "echo", "args": map[string]any{"x": 1}}, `unknown field "x"`},
		"same in and out": {"output", b.Path("in"), "output: the same file as the input"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := map[string]any{c.field: c.value}
			for k, v := range good {
				if k != c.field {
					spec[k] = v
				}
			}
			id := strings.ReplaceAll(name, " ", "-")
			b.Spec(id+".json", spec)
			b.Temporal("workflow", "start", "--type", "Map", "--task-queue", "longhaul", "--workflow-id", id, "--input-file", b.Path(id+".json"))
			out := string(b.Temporal("workflow", "result", "--workflow-id", id, "--output", "json"))
			if !strings.Contains(out, "InvalidSpec") || !strings.Contains(out, strings.ReplaceAll(c.want, `"`, `\"`)) {
				t.Errorf("result: %s", out)
			}
		})
	}
}
