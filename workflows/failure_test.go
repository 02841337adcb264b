package workflows_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/workflows"
)

// full is the error of an activity that met a full disk.
func full() error {
	return temporal.NewNonRetryableApplicationError("write /data/out: no space left on device", string(job.Storage), nil)
}

// wantFailed checks that the workflow failed with an error of the given kind whose message contains text.
func wantFailed(t *testing.T, r result, kind job.Kind, text string) {
	t.Helper()
	var app *temporal.ApplicationError
	if !errors.As(r.err, &app) || r.continued {
		t.Fatalf("%v; want it to fail", r)
	}
	if app.Type() != string(kind) || !strings.Contains(app.Message(), text) || !app.NonRetryable() {
		t.Errorf("failed as %s (%q), non-retryable %v; want %s (%q)", app.Type(), app.Message(), app.NonRetryable(), kind, text)
	}
}

// ready is how far the segments that are sealed reach from the position on.
func (w *world) ready() int64 {
	next := w.position.Records
	for w.segments[next].Sealed {
		next = w.segments[next].End()
	}
	return next
}

func TestAFailureEndsTheJobAfterAppendingWhatIsReady(t *testing.T) {
	for name, hit := range map[string]func(request any) bool{
		job.ActivityListChunks:   func(r any) bool { q, ok := r.(job.ListRequest); return ok && q.Record > 40 },
		job.ActivityProcessChunk: func(r any) bool { q, ok := r.(job.ProcessRequest); return ok && q.Chunk.First == 60 },
		job.ActivityAppendOutput: func(r any) bool { q, ok := r.(job.AppendRequest); return ok && q.From.Records > 0 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(4000, fours(func(*job.Spec) {}))
			w.busy = func(job.ProcessRequest) time.Duration { return time.Second }
			w.takes = func(q job.ProcessRequest) time.Duration {
				if q.Chunk.First%16 == 0 && q.Chunk.First > 30 {
					return time.Hour
				}
				return time.Second + time.Duration(q.Chunk.First)*time.Millisecond // no two end at once
			}
			w.delay[job.ActivityAppendOutput] = time.Minute // the first append, of one chunk, goes on while others become ready
			hits, want, appends := 0, int64(0), 2
			w.fault = func(name string, request any) error {
				if !hit(request) {
					return nil
				}
				hits++
				want = w.ready()
				if name == job.ActivityAppendOutput {
					want = w.position.Records // it is not tried again, and none follows it, though more is ready
				}
				return full()
			}
			wantFailed(t, w.first(t), job.Storage, "no space left")
			w.kept(t)
			if hits != 1 || w.stopped == 0 {
				t.Errorf("the failing call was made %d times; %d chunks were told to stop", hits, w.stopped)
			}
			if w.position != at(want) || want < 4 || w.count(job.ActivityAppendOutput) != appends {
				t.Errorf("the output stands at record %d after %d appends, want %d after %d",
					w.position.Records, w.count(job.ActivityAppendOutput), want, appends)
			}
			if w.env.Now().Sub(w.began) > time.Hour/2 {
				t.Error("the workflow waited for the chunks in flight instead of stopping them")
			}
		})
	}
}

// What fails later, perhaps because the first did, is not what to tell.
func TestTheFirstFailureIsTheJobs(t *testing.T) {
	w := newWorld(4000, fours(func(*job.Spec) {}))
	w.delay[job.ActivityAppendOutput] = time.Minute
	failed := false
	w.fault = func(_ string, request any) error {
		switch q := request.(type) {
		case job.ProcessRequest:
			if q.Chunk.First == 60 {
				failed = true
				return full()
			}
		case job.AppendRequest:
			if failed {
				return temporal.NewNonRetryableApplicationError("somebody changed it", string(job.OutputChanged), nil)
			}
		}
		return nil
	}
	wantFailed(t, w.first(t), job.Storage, "no space left")
	if n := w.count(job.ActivityAppendOutput); n != 2 {
		t.Errorf("%d appends, want one before the failure and one after it", n)
	}
}

func TestAFailureOfPrepareEndsTheJob(t *testing.T) {
	w := newWorld(40, fours(func(*job.Spec) {}))
	w.fault = func(string, any) error {
		return temporal.NewNonRetryableApplicationError("the input is not the one", string(job.InputChanged), nil)
	}
	wantFailed(t, w.first(t), job.InputChanged, "the input is not the one")
	if len(w.calls) != 1 {
		t.Errorf("%d activities, want one", len(w.calls))
	}
}

func TestAWrongSpecFailsTheWorkflowAndNamesTheField(t *testing.T) {
	for name, tt := range map[string]struct{ spec, want string }{
		"unknown field":  {`{"input": "/in", "output": "/out", "task": {"name": "echo"}, "outputs": 1}`, `"outputs"`},
		"bound":          {`{"input": "/in", "output": "/out", "task": {"name": "echo"}, "concurrency": 100001}`, "concurrency"},
		"missing":        {`{"input": "/in", "task": {"name": "echo"}}`, "output"},
		"type":           {`{"input": 1}`, "input"},
		"not an object":  {`[]`, "array"},
		"nothing at all": {`null`, "input"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(0, fours(func(*job.Spec) {}))
			wantFailed(t, w.once(t, json.RawMessage(tt.spec), workflows.Carried{}), job.InvalidSpec, tt.want)
			if len(w.calls) > 0 {
				t.Errorf("%d activities were called", len(w.calls))
			}
		})
	}
}

// What passes by itself is Temporal's to try again: the workflow sees none of it.
func TestAPassingFailureIsTriedAgain(t *testing.T) {
	w := newWorld(40, fours(func(*job.Spec) {}))
	seen := map[string]bool{}
	w.fault = func(name string, _ any) error {
		if !seen[name] {
			seen[name] = true
			return temporal.NewApplicationError("the far side is down", string(job.Outage))
		}
		return nil
	}
	w.finished(t, w.first(t))
	if len(seen) != 4 {
		t.Errorf("%d activities failed, want all four", len(seen))
	}
}
