package activities_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// halt is a way to tell an activity to stop.
type halt struct {
	in   circumstances
	now  func()
	want func(testing.TB, error)
}

// halts are the ways, by name.
func halts() map[string]func(testing.TB) halt {
	return map[string]func(testing.TB) halt{
		"the activity is canceled": func(t testing.TB) halt {
			ctx, cancel := context.WithCancel(context.Background())
			return halt{circumstances{ctx: ctx}, cancel, func(t testing.TB, err error) {
				t.Helper()
				var app *temporal.ApplicationError
				if err == nil || errors.As(err, &app) && app.NonRetryable() || !strings.Contains(err.Error(), context.Canceled.Error()) {
					t.Errorf("%v, want the end of the context", err)
				}
			}}
		},
		"the worker stops": func(t testing.TB) halt {
			stop := make(chan struct{})
			return halt{circumstances{stop: stop}, func() { close(stop) }, func(t testing.TB, err error) {
				t.Helper()
				wantKind(t, err, job.Interrupted)
			}}
		},
	}
}

func TestToldToStopTasksInFlightEndAndNoneBegins(t *testing.T) {
	for name, way := range halts() {
		t.Run(name, func(t *testing.T) {
			h := way(t)
			started, release := make(chan struct{}, 100), make(chan struct{})
			s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
				started <- struct{}{}
				select {
				case <-release:
					return echo(ctx, r)
				case <-ctx.Done():
					return task.Result{}, ctx.Err()
				}
			}, numbers(100)...)
			c := s.begin()
			join := fork(t, func() (job.Processed, error) { return s.process(c, 3, h.in) })
			for range 3 {
				await(t, started, "tasks")
			}
			h.now()
			// What was in flight before ends after it was told to: all three are let go only when the others cannot have missed it.
			time.AfterFunc(50*time.Millisecond, func() { close(release) })
			_, err := join()
			h.want(t, err)
			ran := s.tried(100)
			for i, n := range ran {
				if n != 0 && i >= 3 {
					t.Errorf("record %d was begun after the stop", i)
				}
			}

			// They are in the segment.
			s.script = echo
			if p := s.processed(c, 3); p.Ran != 97 {
				t.Errorf("%d records were left, want 97", p.Ran)
			}
			s.appended(job.Position{}, true, c)
			if got := s.answers(); got != lines(numbers(100)...) {
				t.Errorf("output %q", got)
			}
		})
	}
}

func TestTasksThatDoNotEndInTheGraceAreGivenUp(t *testing.T) {
	for name, way := range halts() {
		t.Run(name, func(t *testing.T) {
			h := way(t)
			started := make(chan struct{}, 100)
			s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
				started <- struct{}{}
				<-ctx.Done()
				return task.Result{}, task.Fail(task.Permanent, ctx.Err()) // as if it were the record's fault
			}, numbers(10)...)
			s.acts.StopTimeout = 30 * time.Millisecond
			c := s.begin()
			join := fork(t, func() (job.Processed, error) { return s.process(c, 2, h.in) })
			await(t, started, "a task")
			await(t, started, "a task")
			h.now()
			_, err := join()
			h.want(t, err)
			s.script = echo
			if p := s.processed(c, 1); p.Ran != 10 || p.Failed != 0 {
				t.Errorf("%+v, want all ten run again and none failed", p)
			}
		})
	}
}

func TestToldToStopNothingIsTriedAgain(t *testing.T) {
	for name, way := range halts() {
		t.Run(name, func(t *testing.T) {
			h := way(t)
			var tries atomic.Int64
			tried := make(chan struct{}, 10)
			s := newSite(t, func(context.Context, task.Record) (task.Result, error) {
				tries.Add(1)
				tried <- struct{}{}
				return task.Result{}, task.Fail(task.Retryable, errors.New("busy"))
			}, "a", "b")
			s.spec.Retry.InitialInterval, s.spec.Retry.MaximumInterval = job.Duration(time.Hour), job.Duration(time.Hour)
			c := s.begin()
			join := fork(t, func() (job.Processed, error) { return s.process(c, 2, h.in) })
			await(t, tried, "the first try")
			await(t, tried, "the first try")
			h.now()
			_, err := join()
			h.want(t, err)
			if tries.Load() != 2 {
				t.Errorf("%d tries, want 2", tries.Load())
			}
		})
	}
}

func TestHeartbeatsTellHowFarAChunkIs(t *testing.T) {
	release := make(chan struct{})
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		if r.Number >= 4 {
			<-release
		}
		return scripted(ctx, r)
	}, "fail", "a", "b", "c", "d", "e", "f")
	c := s.begin()
	reached := make(chan struct{}, 100)
	want := job.Heartbeat{Done: 4, Failed: 1, InFlight: 2}
	join := fork(t, func() (job.Processed, error) {
		return s.process(c, 2, circumstances{beat: func(h job.Heartbeat) {
			slowest := h.Slowest
			if h.Slowest = nil; h == want && slowest != nil && slowest.Record == 4 {
				reached <- struct{}{}
			}
		}})
	})
	await(t, reached, "a heartbeat that tells of four records done, one of them failed, two in flight, and the fifth as the slowest")
	close(release)
	if _, err := join(); err != nil {
		t.Error(err)
	}
}
