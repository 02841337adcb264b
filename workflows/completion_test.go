package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/longhaul/longhaul/job"
)

// asTheyCome is a Spec of the order of completion, as fours makes it.
func asTheyCome(change func(*job.Spec)) job.Spec {
	return fours(func(s *job.Spec) {
		s.Order = job.OrderCompletion
		change(s)
	})
}

func TestASlowFirstChunkHoldsNoResultsBackInTheOrderOfCompletion(t *testing.T) {
	w := newWorld(400, asTheyCome(func(*job.Spec) {}))
	w.takes, w.busy = slowFirst, func(job.ProcessRequest) time.Duration { return time.Second }
	w.finished(t, w.first(t, alarm{time.Hour / 2, func(env *testsuite.TestWorkflowEnvironment) {
		if w.position.Records != 0 || len(w.early) != 1 || w.early[0] != (job.Span{First: 4, Records: 396, Offset: 40, Length: 3960}) {
			t.Errorf("after half an hour the output stands at %+v with %v ahead, want all but the first chunk", w.position, w.early)
		}
		if p := progress(t, env); p.CommittedAhead != 396 || p.Ahead != 0 || p.Position != w.position {
			t.Errorf("progress %+v", p)
		}
	}}))
}

// In the order of the input the window would be full.
func TestWhatIsCommittedAheadIsNotOfTheWindow(t *testing.T) {
	w := newWorld(400, asTheyCome(func(s *job.Spec) { s.Tuning.WindowChunks = 3 }))
	w.takes, w.busy = slowFirst, func(job.ProcessRequest) time.Duration { return time.Second }
	w.finished(t, w.first(t))
	for _, c := range w.calls {
		if q, ok := c.request.(job.ProcessRequest); ok && c.at > time.Hour/2 {
			t.Errorf("%s began after %s only, behind the slow one", q.Chunk, c.at)
		}
	}
	if len(w.early) > 0 {
		t.Errorf("ahead at the end: %v", w.early)
	}
}

func TestADamagedChunkIsProcessedAgainInTheOrderOfCompletion(t *testing.T) {
	for name, firsts := range map[string][]int64{
		"the first":      {0},
		"one within":     {12},
		"the last":       {36},
		"two neighbours": {12, 16},
		"all":            {0, 4, 8, 12, 16, 20, 24, 28, 32, 36},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(40, asTheyCome(func(*job.Spec) {}))
			w.takes = func(q job.ProcessRequest) time.Duration { return time.Duration(1+q.Chunk.First%12) * time.Second }
			w.damage(firsts...)
			w.finished(t, w.first(t))
			if n, want := w.count(job.ActivityProcessChunk), 10+len(firsts); n != want {
				t.Errorf("%d chunks were processed, want %d", n, want)
			}
		})
	}
}

// A run that continues as new while chunks between others are not done leaves gaps, which the next one fills, and runs nothing twice.
func TestGapsAreFilledByTheNextRun(t *testing.T) {
	for _, budget := range []int{4, 7, 30} {
		t.Run(fmt.Sprint(budget), func(t *testing.T) {
			w := newWorld(400, asTheyCome(func(s *job.Spec) { s.Tuning.ActivitiesPerRun = budget }))
			w.early = job.Ahead{}.Add(chunkOf(12, 7)).Add(chunkOf(30, 1)).Add(chunkOf(390, 10))
			w.position.OutputBytes = 3 * 18
			for _, s := range w.early {
				for i := s.First; i < s.End(); i++ {
					w.ran[i] = 1
				}
			}
			w.left(sealed(19, 3), halfDone(31, 5))
			w.takes = func(q job.ProcessRequest) time.Duration { return time.Duration(1+q.Chunk.First%70) * time.Second }
			w.finished(t, w.finish(t))
			if w.run < 2 {
				t.Error("one run only")
			}
		})
	}
}

// TestAnAppendThatHappenedBefore has the answer of an append lost: its retry is told where the output stands.
func TestAnAppendThatHappenedBeforeInTheOrderOfCompletion(t *testing.T) {
	w := newWorld(100, asTheyCome(func(*job.Spec) {}))
	w.takes = func(q job.ProcessRequest) time.Duration { return time.Duration(1+q.Chunk.First%12) * time.Second }
	n := 0
	w.fault = func(_ string, request any) error {
		if q, ok := request.(job.AppendRequest); ok && w.position.OutputBytes == q.From.OutputBytes {
			if n++; n%3 == 0 {
				w.commitAll(q) // as by an attempt that died before it answered
			}
		}
		return nil
	}
	w.finished(t, w.first(t))
	if n < 3 {
		t.Errorf("%d appends", n)
	}
}

// TestAnOutputFurtherThanTheRunKnowsInTheOrderOfCompletion has another run commit a chunk that this one has not begun.
func TestAnOutputFurtherThanTheRunKnowsInTheOrderOfCompletion(t *testing.T) {
	for name, when := range map[string]func(any) bool{
		"seen by an append": func(q any) bool { a, ok := q.(job.AppendRequest); return ok && a.Answered > 0 },
		"seen by a chunk":   func(q any) bool { p, ok := q.(job.ProcessRequest); return ok && p.Chunk.First == 80 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(400, asTheyCome(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes = 4, 1 }))
			done := false
			w.fault = func(_ string, q any) error {
				if done || !when(q) {
					return nil
				}
				done = true
				w.early = w.early.Add(chunkOf(80, 4))
				w.position.OutputBytes += 12
				for i := range 4 {
					w.ran[80+i] = 1
				}
				return nil
			}
			w.finished(t, w.finish(t))
			if w.run != 2 {
				t.Errorf("%d runs, want 2", w.run)
			}
		})
	}
}

// A gap is listed in small chunks at first; when they turn out quick, the rest of them is listed anew. What is committed beyond the gap stays so.
func TestARelistedGapDoesNotRunIntoWhatIsCommittedBehindIt(t *testing.T) {
	for _, first := range []int64{3_000, 10_000, 20_000, 30_000} {
		t.Run(fmt.Sprint(first), func(t *testing.T) {
			w := newWorld(60_000, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes, s.Order = 4, 2, job.OrderCompletion }))
			w.early = job.Ahead{}.Add(chunkOf(first, 100))
			w.position.OutputBytes = 300
			for i := range int64(100) {
				w.ran[first+i] = 1
			}
			w.takes = func(q job.ProcessRequest) time.Duration { return 10 * time.Millisecond }
			w.finished(t, w.finish(t))
		})
	}
}
