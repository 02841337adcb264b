package workflows_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
)

// TestOrderAndCapHoldWhateverTheTasksTake is the promise of the project at the workflow's level: each record is run once and appended once, in the order asked for,
// and never more slots are handed out than the cap, over any number of runs.
func TestOrderAndCapHoldWhateverTheTasksTake(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSpec(func(s *job.Spec) {
			s.Concurrency = rapid.IntRange(1, 300).Draw(t, "concurrency")
			s.Tuning.Lanes = rapid.IntRange(1, 40).Draw(t, "lanes")
			s.Tuning.WindowChunks = rapid.IntRange(1, 40).Draw(t, "window")
			s.Tuning.ChunkRecords = rapid.IntRange(1, 200).Draw(t, "chunk records")
			s.Tuning.ChunkBytes = rapid.Int64Range(1, 100*recordBytes).Draw(t, "chunk bytes")
			s.Tuning.ChunkDuration = job.Duration(rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute}).Draw(t, "chunk duration"))
			s.Tuning.ActivitiesPerRun = rapid.IntRange(4, 60).Draw(t, "budget")
			s.Order = rapid.SampledFrom([]job.Order{job.OrderInput, job.OrderCompletion}).Draw(t, "order")
		})
		// The number of chunks, not that of records, is what a case costs.
		smallest := min(int64(s.Tuning.ChunkRecords), max(1, s.Tuning.ChunkBytes/recordBytes))
		w := newWorld(rapid.Int64Range(0, 30*smallest).Draw(t, "records"), s)
		w.left(anyLeftovers(t, w.records, smallest)...)
		w.takes = heavyTailed(rapid.Uint64().Draw(t, "seed"))
		w.delay[job.ActivityAppendOutput] = time.Duration(rapid.IntRange(0, 5000).Draw(t, "append millis")) * time.Millisecond
		early := heavyTailed(rapid.Uint64().Draw(t, "another seed"))
		w.done = func(q job.ProcessRequest) time.Duration { return early(q) - time.Second }
		w.finished(t, w.finish(t))
	})
}

// anyLeftovers draws segments of a former run.
func anyLeftovers(t *rapid.T, records, chunk int64) (s []job.Segment) {
	for next := int64(0); rapid.Bool().Draw(t, "another leftover"); {
		next += rapid.Int64Range(0, 5*chunk).Draw(t, "gap")
		n := rapid.Int64Range(1, 5*chunk).Draw(t, "leftover")
		if next+n > records {
			break
		}
		s = append(s, job.Segment{
			Chunk: chunkOf(next, int(n)), Bytes: n, Sealed: rapid.Bool().Draw(t, "sealed"),
		})
		next += n
	}
	return s
}

// heavyTailed makes chunks take from milliseconds to minutes, each always the same.
func heavyTailed(seed uint64) func(job.ProcessRequest) time.Duration {
	return func(q job.ProcessRequest) time.Duration {
		r := rand.New(rand.NewPCG(seed, uint64(q.Chunk.First)))
		return time.Duration(math.Exp(4*r.NormFloat64()) * float64(time.Second))
	}
}

func TestAllSlotsAreHandedOut(t *testing.T) {
	for name, tt := range map[string]struct{ concurrency, lanes int }{
		"one":                      {1, 8},
		"fewer slots than lanes":   {5, 8},
		"not a multiple of lanes":  {13, 8},
		"a multiple of lanes":      {16, 8},
		"one lane":                 {16, 1},
		"many":                     {1000, 8},
		"as many lanes as allowed": {600, 500},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(4000, newSpec(func(s *job.Spec) {
				s.Concurrency, s.Tuning.Lanes, s.Tuning.ActivitiesPerRun = tt.concurrency, tt.lanes, 2000
			}))
			w.finished(t, w.finish(t))
			if w.most != tt.concurrency {
				t.Errorf("at most %d slots were in flight, of %d", w.most, tt.concurrency)
			}
		})
	}
}

// Temporal allows 2,000 activities at once, and a chunk of one record takes one slot, whatever its lane's share is.
func TestNoMoreThan500ChunksRunAtOnce(t *testing.T) {
	w := newWorld(600, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.ChunkRecords, s.Tuning.ActivitiesPerRun = 600, 1, 2000 }))
	w.takes = func(job.ProcessRequest) time.Duration { return time.Hour }
	w.finished(t, w.finish(t))
	if w.lanes != 500 {
		t.Errorf("%d chunks ran at once", w.lanes)
	}
}

// slowFirst makes the first chunk take an hour and each other a second.
func slowFirst(q job.ProcessRequest) time.Duration {
	if q.Chunk.First == 0 {
		return time.Hour
	}
	return time.Second
}

func TestASlowFirstChunkDoesNotStopTheOthers(t *testing.T) {
	w := newWorld(400, newSpec(func(s *job.Spec) { s.Tuning.ChunkRecords = 4 }))
	w.takes = slowFirst
	w.finished(t, w.first(t))
	for _, c := range w.calls {
		if q, ok := c.request.(job.ProcessRequest); ok && c.at > time.Hour/2 {
			t.Errorf("%s began after %s only, behind the slow one", q.Chunk, c.at)
		}
	}
	if w.ahead < 99 {
		t.Errorf("at most %d chunks were ahead of the output, of 99", w.ahead)
	}
}

func TestTheWindowBoundsHowFarChunksRunAhead(t *testing.T) {
	for name, tt := range map[string]struct {
		set  func(*job.Tuning)
		want int // chunks running or waiting, at most
	}{
		"one chunk":          {func(t *job.Tuning) { t.WindowChunks = 1 }, 1},
		"seven chunks":       {func(t *job.Tuning) { t.WindowChunks = 7 }, 7},
		"more than there is": {func(t *job.Tuning) { t.WindowChunks = 1000 }, 100},
		// A finished segment has 40 bytes: nine leave room for more, so that three lanes may run beside them.
		"bytes": {func(t *job.Tuning) { t.WindowBytes = 400 }, 9 + 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(400, newSpec(func(s *job.Spec) {
				s.Tuning.ChunkRecords, s.Concurrency, s.Tuning.Lanes = 4, 12, 3
				tt.set(&s.Tuning)
			}))
			w.takes = slowFirst
			w.busy = func(q job.ProcessRequest) time.Duration { return time.Duration(q.Chunk.Records) * time.Second }
			w.finished(t, w.first(t))
			if w.ahead != tt.want {
				t.Errorf("%d chunks were ahead of the output at most, want %d", w.ahead, tt.want)
			}
		})
	}
}
