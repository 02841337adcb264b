package activities_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/longhaul/longhaul/internal/metrics"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

func TestMetricsCountEachRecordOnce(t *testing.T) {
	for name, instant := range map[string]bool{"one at a time": false, "in batches": true} {
		t.Run(name, func(t *testing.T) {
			const n = 500
			records := make([]string, n)
			for i := range records {
				records[i] = fmt.Sprint(i)
			}
			s := newSite(t, func(_ context.Context, r task.Record) (task.Result, error) {
				switch {
				case r.Number%100 == 7:
					return task.Result{}, task.Fail(task.Permanent, errors.New("no such record"))
				case r.Number%50 == 3 && r.Try < 3:
					return task.Result{}, task.Fail(task.Retryable, errors.New("later"))
				}
				return task.Result{Value: r.Input}, nil
			}, records...)
			if instant {
				s.acts.Tasks["script"] = func(task.Config) (task.Task, error) { return instantly{s}, nil }
			}
			s.acts.Metrics = &metrics.Metrics{}
			s.pass(120, 4)
			got := s.acts.Metrics.Task("script")
			for what, c := range map[string]struct{ got, want int64 }{
				"succeeded":    {got.Succeeded.Load(), n - 5},
				"failed":       {got.Failed.Load(), 5},
				"retries":      {got.Retries.Load(), 20},
				"starved":      {got.Starved.Load(), 0},
				"outages":      {got.Outages.Load(), 0},
				"chunks":       {got.Chunks.Load(), 5},
				"input bytes":  {got.InputBytes.Load(), int64(len(lines(records...)))},
				"committed":    {got.Committed.Load(), n},
				"output bytes": {got.OutputBytes.Load(), int64(len(s.answers()))},
				"tries timed":  {got.Latency.Count(), n + 20},
			} {
				if c.got != c.want {
					t.Errorf("%s: %d, want %d", what, c.got, c.want)
				}
			}
			if jobs := s.acts.Jobs(); len(jobs) != 0 {
				t.Errorf("jobs that have ended: %+v", jobs)
			}
		})
	}
}

// instantly is a site's task as one without I/O.
type instantly struct{ *site }

func (instantly) Instant() {}

func TestMetricsTellHowAJobStands(t *testing.T) {
	started, gate := make(chan struct{}, 1), make(chan struct{})
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		if r.Number == 3 {
			started <- struct{}{}
			<-gate
		}
		return echo(ctx, r)
	}, "a", "b", "c", "d", "e", "f")
	s.acts.Metrics = &metrics.Metrics{}
	p := s.prepared()
	chunks := s.list(p.Position, 2)
	s.processed(chunks[0], 1)
	s.appended(p.Position, false, chunks[0])
	last := s.processed(chunks[2], 1)
	join := fork(t, func() (job.Processed, error) { return s.process(chunks[1], 2, circumstances{}) })
	await(t, started, "the record that hangs")
	jobs := s.acts.Jobs()
	close(gate)
	if _, err := join(); err != nil {
		t.Fatal(err)
	}
	if len(jobs) != 1 {
		t.Fatalf("jobs %+v, want one", jobs)
	}
	got := jobs[0]
	if got.Granted != 2 || got.Used < 1 || got.Used > 2 || got.ID == "" {
		t.Errorf("slots %+v", got)
	}
	got.ID, got.Used = "", 0
	want := metrics.Job{Chunks: 1, Granted: 2, Position: 2, AheadRecords: 2, AheadChunks: 1, AheadBytes: last.Bytes, Known: true}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestAChunkTellsOfItsLastFailure(t *testing.T) {
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		if string(r.Input) == "bad" {
			return task.Result{}, task.Fail(task.Permanent, errors.New("no\nsuch "+strings.Repeat("é", job.MaxFailureText)))
		}
		return echo(ctx, r)
	}, "a", "bad", "c", "d")
	chunks := s.list(s.prepared().Position, 2)
	p := s.processed(chunks[0], 1)
	if f := p.Failure; f == nil || f.Record != 1 || len(f.Error) > job.MaxFailureText || !strings.HasPrefix(f.Error, "no such éé") || !strings.HasSuffix(f.Error, "é…") {
		t.Errorf("told of %+v", f)
	}
	if p := s.processed(chunks[1], 1); p.Failure != nil || p.Longest != nil {
		t.Errorf("told of %+v and %+v, where nothing stands out", p.Failure, p.Longest)
	}
}

func TestAChunkThatIsToldToStopSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		cause error
		want  string
	}{
		"paused":         {activity.ErrActivityPaused, "process: activity paused, with 2 of records 0 to 1 unfinished"},
		"heartbeat lost": {errors.New("no route to host"), "process: the server does not take the heartbeats: no route to host, with 2 of records 0 to 1 unfinished"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			s := newSite(t, func(ctx context.Context, _ task.Record) (task.Result, error) {
				cancel(c.cause)
				<-ctx.Done()
				return task.Result{}, ctx.Err()
			}, "a", "b")
			s.acts.StopTimeout = time.Millisecond
			_, err := s.process(s.begin(), 2, circumstances{ctx: ctx})
			if got := wantKind(t, err, job.Interrupted); got != c.want {
				t.Errorf("said %q, want %q", got, c.want)
			}
		})
	}
}
