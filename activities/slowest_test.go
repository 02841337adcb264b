package activities_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// TestHeartbeatsNameTheRecordThatHoldsTheOthersUp has one record of a chunk wait for the next try while the others are done: the heartbeats name it, by its number in
// the input, for how long, and why.
func TestHeartbeatsNameTheRecordThatHoldsTheOthersUp(t *testing.T) {
	var mu sync.Mutex
	var told *job.Slowest
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		mu.Lock()
		defer mu.Unlock()
		if r.Number == 7 && (told == nil || told.Cause == "" || told.Seconds == 0) {
			return task.Result{}, task.Fail(task.Starved, errors.New("no room\nfor it"))
		}
		return echo(ctx, r)
	}, numbers(20)...)
	s.spec.Skip = 5
	c := s.begin()
	join := fork(t, func() (job.Processed, error) {
		return s.process(c, 1, circumstances{beat: func(h job.Heartbeat) {
			mu.Lock()
			defer mu.Unlock()
			if h.Slowest != nil && h.Slowest.Record == 7 {
				told = h.Slowest
			}
		}})
	})
	if _, err := join(); err != nil {
		t.Fatal(err)
	}
	if told == nil || told.Index != 2 || told.Seconds < 1 || !strings.Contains(told.Cause, "no room for it") {
		t.Errorf("the heartbeats told of %+v", told)
	}
}
