package activities_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// rated runs a chunk of n records under a rate in so many slots, and returns when each try began, the first of them with what came before it.
func rated(t *testing.T, n, slots int, share job.RateShare, attempt int32) (began []time.Duration, p job.Processed) {
	t.Helper()
	var mu sync.Mutex
	s := newSite(t, nil, numbers(n)...)
	c := s.begin()
	s.spec.Rate, s.spec.Burst = "1000/s", 1000 // of which the chunk has a share
	start := time.Now()
	s.script = func(ctx context.Context, r task.Record) (task.Result, error) {
		mu.Lock()
		began = append(began, time.Since(start))
		mu.Unlock()
		return failUntil(2, task.Fail(task.Retryable, errDown))(ctx, r) // a second try is a try
	}
	p, err := do(t, circumstances{attempt: attempt}, s.acts.ProcessChunk, job.ProcessRequest{Spec: s.spec, Chunk: c, Slots: slots, Granted: granted, Rate: &share})
	if err != nil || p.Failed != 0 || p.Ran != n {
		t.Fatalf("%+v, %v", p, err)
	}
	return began, p
}

// A slow machine makes tries later, never earlier: the bound holds from the beginning on.
func TestNoTryBeginsBeforeTheRateAllowsIt(t *testing.T) {
	const perSecond = 200
	for name, tt := range map[string]struct {
		slots, burst int
		tokens       float64
		attempt      int32
		first        int // tries that may begin at once
	}{
		"nothing saved up":             {8, 5, 0, 1, 0},
		"some saved up":                {8, 5, 3, 1, 3},
		"one slot":                     {1, 5, 5, 1, 5},
		"what a dead attempt may have": {8, 5, 5, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			began, p := rated(t, 40, tt.slots, job.RateShare{PerSecond: perSecond, Burst: tt.burst, Tokens: tt.tokens}, tt.attempt)
			if len(began) != 41 {
				t.Errorf("%d tries, want 41", len(began))
			}
			for i, at := range began {
				if need := time.Duration(i+1-tt.first) * time.Second / perSecond; at < need {
					t.Errorf("try %d began after %s, want %s", i, at, need)
				}
			}
			if p.Tokens < 0 || p.Tokens > float64(tt.burst) {
				t.Errorf("%v tokens are left of a burst of %d", p.Tokens, tt.burst)
			}
		})
	}
}

func TestATaskWithoutIOKeepsToTheRateToo(t *testing.T) {
	start := time.Now()
	s := newSite(t, nil, numbers(30)...)
	s.spec.Task.Name, s.spec.Rate = "echo", "100/s"
	_, err := do(t, circumstances{}, s.acts.ProcessChunk, job.ProcessRequest{
		Spec: s.spec, Chunk: s.begin(), Slots: 4, Granted: granted, Rate: &job.RateShare{PerSecond: 100, Burst: 1},
	})
	if took := time.Since(start); err != nil || took < 300*time.Millisecond {
		t.Errorf("30 records took %s, %v", took, err)
	}
}

// What waits for the rate is not in flight: a worker that stops does not wait for it.
func TestToldToStopNothingWaitsForTheRate(t *testing.T) {
	s := newSite(t, echo, numbers(10)...)
	s.spec.Rate = "1/h"
	s.acts.StopTimeout = time.Hour
	c := s.begin()
	for name, stop := range map[string]func(circumstances) circumstances{
		"the worker stops": func(in circumstances) circumstances {
			in.stop = make(chan struct{})
			time.AfterFunc(50*time.Millisecond, func() { close(in.stop) })
			return in
		},
		"the job is canceled": func(in circumstances) circumstances {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(50*time.Millisecond, cancel)
			in.ctx = ctx
			return in
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := stop(circumstances{})
			_, err := fork(t, func() (job.Processed, error) {
				return do(t, in, s.acts.ProcessChunk, job.ProcessRequest{
					Spec: s.spec, Chunk: c, Slots: 4, Granted: granted, Rate: &job.RateShare{PerSecond: 1.0 / 3600, Burst: 1},
				})
			})()
			if err == nil {
				t.Error("it ended well, though the rate allowed no try")
			}
			if got := s.tried(10); got[0] != 0 {
				t.Errorf("tries %v", got)
			}
		})
	}
}

// A chunk whose records are all in its segment needs no try: what it was given goes on.
func TestASealedChunkReturnsWhatItWasGiven(t *testing.T) {
	s := newSite(t, echo, numbers(3)...)
	c := s.begin()
	s.processed(c, 1)
	s.spec.Rate = "1/h"
	p, err := do(t, circumstances{}, s.acts.ProcessChunk, job.ProcessRequest{
		Spec: s.spec, Chunk: c, Slots: 1, Granted: granted, Rate: &job.RateShare{PerSecond: 1, Burst: 3, Tokens: 2.5},
	})
	if err != nil || p.Tokens != 2.5 {
		t.Errorf("%+v, %v", p, err)
	}
}
