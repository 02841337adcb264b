package activities_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// failUntil fails the first record's tries before the given one with an error, and answers everything else.
func failUntil(try int, err error) script {
	return func(ctx context.Context, r task.Record) (task.Result, error) {
		if r.Number == 0 && r.Try < try {
			return task.Result{}, err
		}
		return echo(ctx, r)
	}
}

func TestTriesAreAsManyAsTheClassOfTheFailureAllows(t *testing.T) {
	const never = 1000
	cause := errors.New("cause")
	for name, tt := range map[string]struct {
		err     error
		until   int // the try that succeeds
		tries   int
		answers string
	}{
		"permanent":                       {task.Fail(task.Permanent, cause), 2, 1, "\nb\n"},
		"retryable, the second succeeds":  {task.Fail(task.Retryable, cause), 2, 2, "a\nb\n"},
		"retryable, the last succeeds":    {task.Fail(task.Retryable, cause), 4, 4, "a\nb\n"},
		"retryable, none succeeds":        {task.Fail(task.Retryable, cause), never, 4, "\nb\n"},
		"transient, the second succeeds":  {task.Fail(task.Transient, cause), 2, 2, "a\nb\n"},
		"transient, none succeeds":        {task.Fail(task.Transient, cause), never, 4, "\nb\n"},
		"without a class, none succeeds":  {cause, never, 4, "\nb\n"},
		"class within another error":      {fmt.Errorf("more: %w", task.Fail(task.Permanent, cause)), 2, 1, "\nb\n"},
		"permanent though it says when":   {&task.Error{Err: cause, Class: task.Permanent, After: time.Hour}, 2, 1, "\nb\n"},
		"a context's end that is its own": {context.DeadlineExceeded, 2, 2, "a\nb\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, failUntil(tt.until, tt.err), "a", "b")
			s.spec.Retry.MaximumAttempts = 4
			end := s.pass(10, 1)
			if got := s.tried(2); got[0] != tt.tries || got[1] != 1 {
				t.Errorf("tries %v, want %d and 1", got, tt.tries)
			}
			if got := s.answers(); got != tt.answers {
				t.Errorf("output %q, want %q", got, tt.answers)
			}
			hole := strings.HasPrefix(tt.answers, "\n")
			if got := s.failures(); hole != strings.Contains(got, fmt.Sprintf(`"tries":%d}`, tt.tries)) || hole != (got != "") {
				t.Errorf("errors %q", got)
			}
			if want := int64(tt.tries + 1); end.Totals.Tries != want {
				t.Errorf("%d tries in total, want %d", end.Totals.Tries, want)
			}
		})
	}
}

func TestTheTryIsToldToTheTask(t *testing.T) {
	var seen []string
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		seen = append(seen, fmt.Sprintf("%s try %d", r.IdempotencyKey(), r.Try))
		return failUntil(3, errors.New("again"))(ctx, r)
	}, "a")
	s.pass(1, 1)
	want := "default-test-workflow-id:0 try 1, default-test-workflow-id:0 try 2, default-test-workflow-id:0 try 3"
	if got := strings.Join(seen, ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTheFarSideSaysWhenToTryAgain(t *testing.T) {
	const after = 300 * time.Millisecond
	var at []time.Time
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		if r.Number == 0 {
			at = append(at, time.Now())
		}
		return failUntil(2, &task.Error{Err: errors.New("busy"), Class: task.Retryable, After: after})(ctx, r)
	}, "a", "b")
	s.pass(2, 1)
	if len(at) != 2 || at[1].Sub(at[0]) < after {
		t.Errorf("tries at %v, want %s between them", at, after)
	}
}

// A record in backoff holds no slot: with one slot, all others run meanwhile.
func TestBackoffGivesTheSlotBack(t *testing.T) {
	var order []int64
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		order = append(order, r.Number)
		return failUntil(2, &task.Error{Err: errors.New("busy"), Class: task.Retryable, After: 200 * time.Millisecond})(ctx, r)
	}, "a", "b", "c", "d")
	s.pass(4, 1)
	if got := fmt.Sprint(order); got != "[0 1 2 3 0]" {
		t.Errorf("tried in the order %s", got)
	}
}

func TestATryHasATimeOut(t *testing.T) {
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		if r.Number == 0 && r.Try < 3 {
			<-ctx.Done()
			return task.Result{}, task.Fail(task.Permanent, ctx.Err()) // as if it were the record's fault
		}
		return echo(ctx, r)
	}, "a", "b")
	s.spec.Timeout = job.Duration(20 * time.Millisecond)
	end := s.pass(2, 1)
	if got := s.answers(); got != "a\nb\n" {
		t.Errorf("output %q; tries %v", got, s.tried(2))
	}
	if got := time.Duration(end.Totals.TaskMicros) * time.Microsecond; got < 40*time.Millisecond || got > time.Minute {
		t.Errorf("tasks took %s in all, want a little over two time-outs", got)
	}
}

func TestARecordThatTimesOutAlwaysFails(t *testing.T) {
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		if r.Number == 0 {
			<-ctx.Done()
			return task.Result{}, ctx.Err()
		}
		return echo(ctx, r)
	}, "a", "b", "c")
	s.spec.Timeout, s.spec.Retry.MaximumAttempts = job.Duration(20*time.Millisecond), 2
	s.pass(3, 1)
	want := `{"record":0,"input":"a","error":"no answer within 20ms","tries":2}` + "\n"
	if got := s.failures(); s.answers() != "\nb\nc\n" || got != want {
		t.Errorf("output %q, errors %q, want %q", s.answers(), got, want)
	}
}

// An answer that comes too late is an answer still.
func TestATaskThatIgnoresItsTimeOutIsBelieved(t *testing.T) {
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		<-ctx.Done()
		return echo(ctx, r)
	}, "a")
	s.spec.Timeout = job.Duration(time.Millisecond)
	s.pass(1, 1)
	if s.answers() != "a\n" {
		t.Errorf("output %q", s.answers())
	}
}

func TestAPanicFailsTheRecordAndNamesThePlace(t *testing.T) {
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		if string(r.Input) == "panic" {
			var none []int
			_ = none[r.Number]
		}
		return echo(ctx, r)
	}, "a", "panic", "c")
	s.pass(3, 2)
	if got := s.answers(); got != "a\n\nc\n" {
		t.Errorf("output %q", got)
	}
	got := s.failures()
	for _, want := range []string{"the task panicked: runtime error: index out of range [1] with length 0", "retry_test.go:", `"tries":1}`} {
		if !strings.Contains(got, want) {
			t.Errorf("errors %q, want %q in it", got, want)
		}
	}
}
