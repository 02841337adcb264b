package workflows_test

import (
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
)

// damage makes the segments of the given chunks unusable, once, when they are first to be appended.
func (w *world) damage(firsts ...int64) {
	left := map[int64]bool{}
	for _, f := range firsts {
		left[f] = true
	}
	w.fault = func(_ string, request any) error {
		q, _ := request.(job.AppendRequest)
		for _, c := range q.Chunks {
			if left[c.First] {
				delete(left, c.First)
				w.segments[c.First] = job.Segment{Chunk: c}
				for i := c.First; i < c.End(); i++ {
					w.ran[i]-- // once more is due
				}
			}
		}
		return nil
	}
}

func TestAChunkWhoseSegmentIsDamagedIsProcessedAgain(t *testing.T) {
	for name, firsts := range map[string][]int64{
		"the first":            {0},
		"one within an append": {12},
		"the last":             {36},
		"two neighbours":       {12, 16},
		"all":                  {0, 4, 8, 12, 16, 20, 24, 28, 32, 36},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(40, fours(func(*job.Spec) {}))
			// With the first chunk slow the appends are of many chunks.
			w.takes, w.busy = slowFirst, func(job.ProcessRequest) time.Duration { return time.Second }
			w.damage(firsts...)
			r := w.first(t)
			w.finished(t, r)
			if n, want := w.count(job.ActivityProcessChunk), 10+len(firsts); n != want {
				t.Errorf("%d chunks were processed, want %d", n, want)
			}
		})
	}
}

// A damaged chunk goes first, even where the window is full of those that wait for it.
func TestADamagedChunkIsProcessedAgainThoughTheWindowIsFull(t *testing.T) {
	w := newWorld(40, fours(func(s *job.Spec) { s.Tuning.WindowChunks = 3 }))
	w.takes, w.busy = slowFirst, func(job.ProcessRequest) time.Duration { return time.Second }
	w.damage(0)
	w.finished(t, w.first(t))
	q := requests[job.ProcessRequest](w)
	if len(q) != 11 || q[3].Chunk.First != 0 {
		t.Errorf("the chunk after the three of the window is %s, want that of the damaged segment", q[3].Chunk)
	}
}

// overtake moves the output, as another run would, when a call is the first of that name with a request for which it is true.
func (w *world) overtake(to int64, when func(name string, request any) bool) {
	done := false
	w.fault = func(name string, request any) error {
		if !done && when(name, request) {
			done = true
			for i := w.position.Records; i < to; i++ {
				w.ran[i] = 1
			}
			w.position, w.complete = at(to), to == w.records
			for first := range w.segments {
				if first < to {
					delete(w.segments, first)
				}
			}
		}
		return nil
	}
}

func TestAnOutputFurtherThanTheRunKnowsIsAskedAnew(t *testing.T) {
	for name, tt := range map[string]struct {
		to   int64
		when func(string, any) bool
		runs int
	}{
		"seen by an append": {20, func(_ string, q any) bool { a, ok := q.(job.AppendRequest); return ok && a.From.Records >= 4 }, 2},
		"seen by a chunk":   {20, func(_ string, q any) bool { p, ok := q.(job.ProcessRequest); return ok && p.Chunk.First >= 12 }, 2},
		"at the end":        {40, func(_ string, q any) bool { a, ok := q.(job.AppendRequest); return ok && a.From.Records >= 4 }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(40, fours(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes = 4, 1 }))
			w.overtake(tt.to, tt.when)
			r := w.finish(t)
			if r.err != nil || !w.complete || w.position != at(40) || r.Records != 40 {
				t.Fatalf("ended at %+v: %v", w.position, r)
			}
			w.kept(t)
			w.ranOnce(t, tt.to, 40)
			if w.run != tt.runs {
				t.Errorf("%d runs, want %d", w.run, tt.runs)
			}
		})
	}
}

func TestARunThatWasOvertakenStartsNothingMore(t *testing.T) {
	for name, when := range map[string]func(string, any) bool{
		"seen by an append": func(_ string, q any) bool { a, ok := q.(job.AppendRequest); return ok && a.From.Records == 8 },
		"seen by a chunk":   func(_ string, q any) bool { p, ok := q.(job.ProcessRequest); return ok && p.Chunk.First == 12 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(400, fours(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes = 4, 1 }))
			w.overtake(20, when)
			if r := w.first(t); !r.continued {
				t.Fatalf("%v; want it to continue as new", r)
			}
			last := requests[job.ProcessRequest](w)[w.count(job.ActivityProcessChunk)-1]
			if last.Chunk.First != 12 {
				t.Errorf("%s was begun after the output was found further on", last.Chunk)
			}
		})
	}
}
