package activities

import (
	"sync"
	"testing"
	"time"
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
				if held := b.exhausted(noon.Add(time.Duration(e.since) * time.Second)); held != e.held {
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
		all.Go(func() { b.exhausted(noon) })
	}
	all.Wait()
	if !b.outage(100) || b.outage(101) {
		t.Errorf("%d records held, want 100", b.held.Load())
	}
}

// TestALongRowOfFailuresWasAnOutage ends a long row and a short one with a success.
func TestALongRowOfFailuresWasAnOutage(t *testing.T) {
	b := breaker{many: 2}
	first := b.failed(0)
	if b.failed(first) != first || b.failing.Load() != 1 {
		t.Errorf("one record that fails twice counts %d times", b.failing.Load())
	}
	b.failed(0)
	b.succeeded(noon.Add(2 * time.Second))
	if !b.wasOutage(first) {
		t.Error("a long row was no outage")
	}
	second := b.failed(first)
	if second == first || b.failing.Load() != 1 {
		t.Error("a success does not end the row of failures")
	}
	b.succeeded(noon.Add(3 * time.Second))
	if b.wasOutage(second) {
		t.Error("a short row was an outage")
	}
}
