package activities

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/segment"
	"github.com/longhaul/longhaul/task"
)

var noon = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

func TestBreakerTellsAnOutageFromAFailureOfOneRecord(t *testing.T) {
	// An event is a success, or a record that failed since some time before; times are seconds.
	type event struct {
		success int
		since   int
		held    bool
	}
	success := func(at int) event { return event{success: at} }
	exhausted := func(since int, held bool) event { return event{since: since, held: held} }
	for name, tt := range map[string]struct {
		events []event
		outage bool // of three records
	}{
		"nothing":                                  {nil, false},
		"nothing ever succeeded":                   {[]event{exhausted(1, true), exhausted(1, true), exhausted(2, true)}, true},
		"fewer than it takes":                      {[]event{exhausted(1, true), exhausted(1, true)}, false},
		"something succeeded since":                {[]event{success(5), exhausted(4, false), exhausted(3, false), exhausted(2, false), exhausted(1, false)}, false},
		"something succeeded before only":          {[]event{success(5), exhausted(6, true), exhausted(7, true), exhausted(8, true)}, true},
		"at that very moment":                      {[]event{success(5), exhausted(5, true)}, false},
		"a success ends the row":                   {[]event{exhausted(1, true), exhausted(1, true), success(5), exhausted(6, true), exhausted(6, true)}, false},
		"a failure of its own does not end it":     {[]event{success(5), exhausted(6, true), exhausted(4, false), exhausted(6, true), exhausted(6, true)}, true},
		"a failure of its own does not lengthen i": {[]event{success(5), exhausted(6, true), exhausted(4, false), exhausted(6, true)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := breaker{many: 3}
			for i, e := range tt.events {
				if e.success > 0 {
					b.succeeded(noon.Add(time.Duration(e.success) * time.Second))
					continue
				}
				if held := b.exhausted(0, noon.Add(time.Duration(e.since)*time.Second)); held != e.held {
					t.Errorf("event %d: held %v, want %v", i, held, e.held)
				}
			}
			if got := b.outage(3); got != tt.outage {
				t.Errorf("outage %v, want %v", got, tt.outage)
			}
		})
	}
}

func TestBreakerIsSharedByAllChunks(t *testing.T) {
	var b breaker
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() { b.exhausted(0, noon) })
	}
	all.Wait()
	if !b.outage(100) || b.outage(101) {
		t.Errorf("%d records held, want 100", b.held.Load())
	}
}

// TestALongRowOfFailuresWasAnOutage ends a long row and a short one with a success.
func TestALongRowOfFailuresWasAnOutage(t *testing.T) {
	b := breaker{many: 2}
	first := b.failed(1, 0)
	if b.failed(1, first) != first || b.failing.Load() != 1 {
		t.Errorf("one record that fails twice counts %d times", b.failing.Load())
	}
	b.failed(1, 0) // in a later attempt at its chunk
	if b.failing.Load() != 1 {
		t.Error("one record that is tried anew counts twice")
	}
	b.failed(2, 0)
	b.failed(3, 0)
	if b.failing.Load() != 2 {
		t.Error("more are counted than matter")
	}
	b.succeeded(noon.Add(2 * time.Second))
	if !b.wasOutage(first) {
		t.Error("a long row was no outage")
	}
	second := b.failed(1, first)
	if second == first || b.failing.Load() != 1 {
		t.Error("a success does not end the row of failures")
	}
	b.succeeded(noon.Add(3 * time.Second))
	if b.wasOutage(second) {
		t.Error("a short row was an outage")
	}
}

// TestATryThatOutagesEndInHasFailedInTheEnd has an outage end in each try of a record.
func TestATryThatOutagesEndInHasFailedInTheEnd(t *testing.T) {
	shared := &running{breaker: &breaker{many: 1}}
	r := &chunkRun{spec: job.Spec{}.WithDefaults(), shared: shared, ctx: t.Context(), stopped: true}
	a := &attempt{run: r}
	tries, now := 0, noon
	for done := false; !done; tries++ {
		a.round++
		a.began = now
		shared.breaker.failed(1, 0)
		shared.breaker.succeeded(now.Add(time.Second))
		now = now.Add(2 * time.Second)
		var f segment.Frame
		if f, done = a.judge(task.Result{}, errors.New("refused"), now); done && f.Status != segment.Failure {
			t.Errorf("frame %+v", f)
		}
		if tries > 100 {
			t.Fatal("it is tried for ever")
		}
	}
	if want := r.spec.Retry.MaximumAttempts + r.spec.Tuning.OutageAttempts; tries != want {
		t.Errorf("%d tries, want %d", tries, want)
	}
}

// TestABreakerIsKeptWhileChunksWait leaves a run with and without a failure, and comes back.
func TestABreakerIsKeptWhileChunksWait(t *testing.T) {
	var a Activities
	calm, spec := &breaker{many: 2}, job.Spec{}.WithDefaults()
	a.keepBreaker("calm", calm)
	failing := &breaker{many: 2}
	failing.failed(1, 0)
	failing.exhausted(0, noon)
	a.keepBreaker("failing", failing)
	a.keepBreaker("late", failing)
	a.breakers["late"] = keptBreaker{failing, time.Now().Add(-time.Second)}
	if failing.outage(1) {
		t.Error("that it is an outage is kept")
	}
	if len(a.breakers) != 2 || a.unkeepBreaker("failing", spec) != failing {
		t.Errorf("%d kept, or not the one of the run", len(a.breakers))
	}
	for _, run := range []string{"failing", "calm", "late", "another"} {
		if b := a.unkeepBreaker(run, spec); b == failing || b == calm || b.many != int64(spec.Tuning.OutageFailures) {
			t.Errorf("%s: %+v is no new one", run, b)
		}
	}
	a.breakers = map[string]keptBreaker{"late": {failing, time.Now().Add(-time.Second)}}
	if a.keepBreaker("calm", calm); len(a.breakers) != 0 {
		t.Error("one that nobody came back for is kept for ever")
	}
}
