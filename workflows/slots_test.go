package workflows_test

import (
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/longhaul/longhaul/job"
)

// giveBack has a running chunk keep that many slots, and signals it.
func (w *world) giveBack(env *testsuite.TestWorkflowEnvironment, first int64, keep int) {
	w.mu.Lock()
	for _, l := range w.running {
		if l.First == first && keep > 0 {
			l.slots = min(l.slots, keep)
		}
	}
	w.mu.Unlock()
	env.SignalWorkflow(job.SignalSlotsReturned, job.SlotsReturned{First: first, Granted: w.granted(first), Keep: keep})
}

// granted is what the last request for the chunk that begins there said of its grant.
func (w *world) granted(first int64) (at int64) {
	for _, q := range requests[job.ProcessRequest](w) {
		if q.Chunk.First == first {
			at = q.Granted
		}
	}
	return at
}

// TestASignalOfAnEarlierGrantIsIgnored delivers what a reset of the workflow delivers again: the signal of an attempt of the run before.
func TestASignalOfAnEarlierGrantIsIgnored(t *testing.T) {
	w := newWorld(800, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes, s.Tuning.ChunkRecords = 8, 1, 8 }))
	w.takes = func(job.ProcessRequest) time.Duration { return time.Hour }
	wantCanceled(t, w, w.first(t, cancelAfter(time.Hour/2), alarm{time.Minute, func(env *testsuite.TestWorkflowEnvironment) {
		env.SignalWorkflow(job.SignalSlotsReturned, job.SlotsReturned{First: 0, Granted: w.granted(0) - 1, Keep: 3})
	}}))
	if n := len(requests[job.ProcessRequest](w)); n != 1 {
		t.Errorf("%d chunks were started on slots that one of them still holds", n)
	}
}

// TestSlotsThatComeBackStartMoreChunks has one chunk hold all eight slots for an hour; what it gives back goes to chunks that do not end either.
func TestSlotsThatComeBackStartMoreChunks(t *testing.T) {
	type signal struct {
		first int64
		keep  int
	}
	for name, tt := range map[string]struct {
		signals []signal
		want    []int // slots of the chunks in order of their start
	}{
		"none":                          {nil, []int{8}},
		"some":                          {[]signal{{0, 3}}, []int{8, 5}},
		"all but one":                   {[]signal{{0, 1}}, []int{8, 7}},
		"more and more":                 {[]signal{{0, 6}, {0, 3}, {0, 1}}, []int{8, 2, 3, 2}},
		"a number kept is absolute":     {[]signal{{0, 3}, {0, 3}, {0, 3}}, []int{8, 5}},
		"an old signal that comes late": {[]signal{{0, 3}, {0, 6}}, []int{8, 5}},
		"of the second chunk":           {[]signal{{0, 3}, {8, 2}}, []int{8, 5, 3}},
		"of a chunk that does not run":  {[]signal{{16, 1}, {4, 1}, {800, 1}}, []int{8}},
		"as many kept as there are":     {[]signal{{0, 8}}, []int{8}},
		"more kept than there are":      {[]signal{{0, 100}}, []int{8}},
		"none kept":                     {[]signal{{0, 0}}, []int{8}},
		"a negative number kept":        {[]signal{{0, -4}}, []int{8}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(800, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes, s.Tuning.ChunkRecords = 8, 1, 8 }))
			w.takes = func(job.ProcessRequest) time.Duration { return time.Hour }
			alarms := []alarm{cancelAfter(time.Hour / 2)}
			for i, s := range tt.signals {
				alarms = append(alarms, alarm{time.Duration(1+i) * time.Minute, func(env *testsuite.TestWorkflowEnvironment) {
					w.giveBack(env, s.first, s.keep)
				}})
			}
			alarms = append(alarms, alarm{20 * time.Minute, func(env *testsuite.TestWorkflowEnvironment) {
				if p := progress(t, env); p.Slots != 8 || w.slots() != 8 {
					t.Errorf("%d slots are handed out, by the workflow's count %d; want all 8", w.slots(), p.Slots)
				}
			}})
			wantCanceled(t, w, w.first(t, alarms...))
			var got []int
			for _, q := range requests[job.ProcessRequest](w) {
				got = append(got, q.Slots)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("chunks were started with %v slots, want %v", got, tt.want)
			}
		})
	}
}

func TestAChunkThatGaveSlotsBackEndsWithTheRest(t *testing.T) {
	w := newWorld(80, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes, s.Tuning.ChunkRecords = 8, 1, 8 }))
	w.takes = slowFirst
	w.busy = func(job.ProcessRequest) time.Duration { return time.Second }
	w.finished(t, w.first(t, alarm{time.Minute, func(env *testsuite.TestWorkflowEnvironment) { w.giveBack(env, 0, 1) }}))
	for _, c := range w.calls {
		if q, ok := c.request.(job.ProcessRequest); ok && q.Chunk.First > 0 && (q.Slots != 7 || c.at < time.Minute || c.at > time.Hour) {
			t.Errorf("%s was started after %s with %d slots, want 7 that came back after a minute", q.Chunk, c.at, q.Slots)
		}
	}
}

// A chunk that runs a second time, since its segment was damaged, has its slots anew; what the first one gave back is no longer its own.
func TestSlotsGivenBackDoNotOutliveTheChunk(t *testing.T) {
	w := newWorld(80, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes, s.Tuning.ChunkRecords = 8, 1, 8 }))
	w.takes = slowFirst
	w.busy = func(job.ProcessRequest) time.Duration { return time.Second }
	w.damage(0)
	w.finished(t, w.first(t, alarm{time.Minute, func(env *testsuite.TestWorkflowEnvironment) { w.giveBack(env, 0, 1) }}))
	q := requests[job.ProcessRequest](w)
	if last := q[len(q)-1]; last.Chunk.First != 0 || last.Slots != 8 {
		t.Errorf("the last to run is %s with %d slots, want the damaged one with all 8", last.Chunk, last.Slots)
	}
}
