package activities_test

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// A record that this machine cannot run, for want of a file handle, waits until it can: that costs no try, never fails it, and the
// heartbeats tell why.
func TestAMachineWithoutHandlesCostsNoTry(t *testing.T) {
	cause := task.Fail(task.Retryable, &os.SyscallError{Syscall: "socket", Err: syscall.EMFILE})
	var told atomic.Bool
	times, last := 0, 0
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		if r.Number == 0 {
			times, last = times+1, r.Try
			if times <= 3 || !told.Load() {
				return task.Result{}, cause
			}
		}
		return echo(ctx, r)
	}, "a", "b")
	s.spec.Retry.MaximumAttempts = 2
	c := s.begin()
	join := fork(t, func() (job.Processed, error) {
		return s.process(c, 1, circumstances{beat: func(h job.Heartbeat) {
			if strings.Contains(h.Trouble, "socket: too many open files (raise the worker's limit of open files") {
				told.Store(true)
			}
		}})
	})
	p, err := join()
	if err != nil || p.Failed != 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	if last != 1 {
		t.Errorf("the last of %d times was told to be try %d", times, last)
	}
	end := s.appended(job.Position{}, true, c)
	if got := s.answers(); got != "a\nb\n" || end.Totals.Tries != 2 {
		t.Errorf("output %q, %d tries", got, end.Totals.Tries)
	}
}
