package workflows_test

import (
	"slices"
	"testing"

	"github.com/longhaul/longhaul/job"
)

// left puts segments of a former run into the world: with a size of its own each, so that their boundaries are told from listed ones.
func (w *world) left(segments ...job.Segment) {
	for _, s := range segments {
		s.Chunk = chunkOf(s.First, s.Records)
		w.segments[s.First], w.former[s.First] = s, true
		if s.Sealed {
			for i := s.First; i < s.End(); i++ {
				w.ran[i]++
			}
		}
	}
}

func sealed(first int64, records int) job.Segment {
	return job.Segment{Chunk: job.Chunk{First: first, Records: records}, Sealed: true, Bytes: 1}
}

func halfDone(first int64, records int) job.Segment {
	return job.Segment{Chunk: job.Chunk{First: first, Records: records}}
}

func TestLeftoversAreUsedWithTheirBoundaries(t *testing.T) {
	const records = 200
	for name, left := range map[string][]job.Segment{
		"none":                               nil,
		"sealed at the position":             {sealed(20, 7)},
		"half-done at the position":          {halfDone(20, 7)},
		"sealed after a gap":                 {sealed(40, 7)},
		"half-done after a gap":              {halfDone(40, 7)},
		"neighbours":                         {halfDone(20, 7), sealed(27, 3), halfDone(30, 1), sealed(31, 13)},
		"gaps between":                       {sealed(25, 7), halfDone(40, 3), sealed(90, 1), halfDone(130, 13)},
		"up to the end, sealed":              {sealed(30, 7), sealed(37, 163)},
		"up to the end, half-done":           {sealed(30, 7), halfDone(37, 163)},
		"all sealed":                         {sealed(20, 100), sealed(120, 80)},
		"a gap of one record":                {sealed(20, 5), sealed(26, 5)},
		"more neighbours than lanes":         {halfDone(20, 3), halfDone(23, 3), halfDone(26, 3), halfDone(29, 3), halfDone(32, 3), halfDone(35, 3)},
		"one that ends where the input does": {sealed(199, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(records, newSpec(func(s *job.Spec) { s.Tuning.ChunkRecords, s.Concurrency, s.Tuning.Lanes = 10, 4, 2 }))
			w.position = at(20)
			for i := range 20 {
				w.ran[i] = 1
			}
			w.left(left...)
			w.finished(t, w.first(t))
			if w.short > 0 {
				t.Errorf("%d appends of what was not sealed", w.short)
			}
			for _, s := range left {
				c := chunkOf(s.First, s.Records)
				if got := slices.Contains(w.chunks(), c); got == s.Sealed {
					t.Errorf("%s, sealed %v: processed %v", c, s.Sealed, got)
				}
			}
		})
	}
}

// A gap is listed in small chunks at first; when they turn out quick, the rest of them is listed anew. What lies beyond the gap is done.
func TestARelistedGapDoesNotRunIntoTheLeftoversBehindIt(t *testing.T) {
	w := newWorld(1000, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes = 4, 2 }))
	w.left(sealed(60, 100))
	w.finished(t, w.first(t))
}

func TestAListingBeforeALeftoverEndsWhereItBegins(t *testing.T) {
	w := newWorld(100, newSpec(func(*job.Spec) {}))
	w.left(sealed(50, 7), sealed(80, 7))
	w.finished(t, w.first(t))
	seen := map[int64]bool{}
	for _, q := range requests[job.ListRequest](w) {
		seen[q.Until] = true
		if q.Record < 50 && q.Until != 500 || q.Record >= 57 && q.Record < 80 && q.Until != 800 || q.Record >= 87 && q.Until != 0 {
			t.Errorf("listing from record %d until byte %d", q.Record, q.Until)
		}
	}
	if !seen[500] || !seen[800] || !seen[0] {
		t.Errorf("listings until %v, want one before each leftover and one to the end", seen)
	}
}

// Half of such a chunk was there before, nobody knows in how much time.
func TestAHalfDoneChunkTeachesNothingAboutThePace(t *testing.T) {
	for name, left := range map[string]bool{"half-done": true, "whole": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(1000, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes, s.Tuning.ActivitiesPerRun = 4, 1, 4 }))
			if left {
				w.left(halfDone(0, 1000))
			}
			w.first(t)
			if n := progress(t, w.env).ChunkRecords; (n == 4) != left {
				t.Errorf("the next chunks would have %d records", n)
			}
		})
	}
}

// The input was changed behind longhaul's back, lines joined or cut, so that the records before a leftover are more or fewer than they were.
func TestALeftoverThatNoListingReachesFailsTheJob(t *testing.T) {
	for name, first := range map[string]int64{"more records": 50, "fewer records": 70} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(100, newSpec(func(*job.Spec) {}))
			s := sealed(first, 7)
			s.Offset, s.Length = 60*recordBytes, 7*recordBytes
			w.segments[first], w.former[first] = s, true
			wantFailed(t, w.first(t), job.InputChanged, w.spec.Input.String())
			w.kept(t)
			if n := w.count(job.ActivityListChunks); n > 10 {
				t.Errorf("%d listings", n)
			}
		})
	}
}
