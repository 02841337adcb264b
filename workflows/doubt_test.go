package workflows_test

import (
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/longhaul/longhaul/job"
)

// asked returns what was asked of the chunk that begins at first, each time that it was started.
func (w *world) asked(first int64) (how []job.Doubt) {
	for _, q := range requests[job.ProcessRequest](w) {
		if q.Chunk.First == first {
			how = append(how, q.Doubt)
		}
	}
	return how
}

func wantAsked(t *testing.T, w *world, first int64, want ...job.Doubt) {
	t.Helper()
	if got := w.asked(first); !slices.Equal(got, want) {
		t.Errorf("of the chunk at record %d was asked %q, want %q", first, got, want)
	}
}

// single is a world in which one chunk of one record runs after the other.
func single(records int64, change func(*job.Spec)) *world {
	return newWorld(records, newSpec(func(s *job.Spec) {
		s.Concurrency, s.Tuning.Lanes, s.Tuning.ChunkRecords = 1, 1, 1
		change(s)
	}))
}

// A record that fails while nothing else runs is tried again once another one was answered, and then has failed.
func TestAChunkInDoubtWaitsForAnAnswer(t *testing.T) {
	for _, order := range []job.Order{job.OrderInput, job.OrderCompletion} {
		t.Run(string(order), func(t *testing.T) {
			w := single(6, func(s *job.Spec) { s.Order = order })
			w.doubts = func(q job.ProcessRequest) int { return int(max(0, 3-q.Chunk.First)) } // of the first three
			w.failed = func(c job.Chunk) int64 { return max(0, min(1, 3-c.First)) }
			w.finished(t, w.finish(t))
			if w.totals.Failed != 3 {
				t.Errorf("%d failed, want 3", w.totals.Failed)
			}
			var firsts []int64
			for _, q := range requests[job.ProcessRequest](w) {
				firsts = append(firsts, q.Chunk.First)
			}
			if want := []int64{0, 1, 2, 3, 0, 1, 2, 4, 5}; !slices.Equal(firsts, want) {
				t.Errorf("chunks were started in the order %v, want %v", firsts, want)
			}
			wantAsked(t, w, 0, job.DoubtReturn, job.DoubtDecide)
			wantAsked(t, w, 3, job.DoubtReturn)
		})
	}
}

// Many in doubt are an outage: none is decided about before something was answered.
func TestManyRecordsInDoubtWait(t *testing.T) {
	const outage = 5
	w := single(20, func(s *job.Spec) { s.Tuning.OutageFailures = outage })
	waited := 0
	w.doubts = func(q job.ProcessRequest) int {
		if q.Doubt == job.DoubtWait {
			waited++
		}
		if waited < 2*outage {
			return 1
		}
		return 0
	}
	w.finished(t, w.finish(t))
	for first := range int64(outage) {
		how := w.asked(first)
		if how[0] != job.DoubtReturn || how[1] != job.DoubtWait || how[2] != job.DoubtWait {
			t.Errorf("of the chunk at record %d was asked %q", first, how)
		}
	}
	wantAsked(t, w, outage+1, job.DoubtReturn)
}

// What came up for another look in an outage is decided about when that is over before its turn comes.
func TestAnAnswerEndsTheWaitOfThoseThatAreStillQueued(t *testing.T) {
	w := single(4, func(s *job.Spec) { s.Tuning.OutageFailures = 2 })
	returned := 0
	w.doubts = func(job.ProcessRequest) int {
		returned++
		return max(0, min(1, 3-returned))
	}
	w.finished(t, w.finish(t))
	wantAsked(t, w, 0, job.DoubtReturn, job.DoubtWait)
	wantAsked(t, w, 1, job.DoubtReturn, job.DoubtDecide)
}

// Where nothing is left that could be answered, what is in doubt has failed.
func TestTheLastRecordsInDoubtAreDecidedAbout(t *testing.T) {
	for name, tt := range map[string]struct {
		records int64
		window  int
		want    []job.Doubt // of the first chunk
	}{
		"the only one":          {1, 10, []job.Doubt{""}},
		"three":                 {3, 10, []job.Doubt{job.DoubtReturn, job.DoubtDecide}},
		"the window holds them": {3, 1, []job.Doubt{job.DoubtReturn, job.DoubtDecide}},
	} {
		t.Run(name, func(t *testing.T) {
			w := single(tt.records, func(s *job.Spec) { s.Tuning.WindowChunks = tt.window })
			w.doubts = func(job.ProcessRequest) int { return 1 }
			w.failed = func(job.Chunk) int64 { return 1 }
			w.finished(t, w.finish(t))
			if w.totals.Failed != tt.records {
				t.Errorf("%d failed, want %d", w.totals.Failed, tt.records)
			}
			wantAsked(t, w, 0, tt.want...)
		})
	}
}

// A chunk whose records were given up tells nothing of the far side: while it is, others come into doubt.
func TestWhatWasGivenUpIsNoAnswer(t *testing.T) {
	w := newWorld(5, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes, s.Tuning.ChunkRecords = 2, 2, 1 }))
	const answer, givenUp, laterAnswer = 3 * time.Second, 23 * time.Second, 71 * time.Second
	w.takes = func(q job.ProcessRequest) time.Duration {
		switch first := q.Chunk.First; {
		case first == 0 && q.Doubt == job.DoubtReturn:
			return time.Second
		case first == 0:
			return givenUp - answer
		case first == 1:
			return answer
		case first == 2:
			return 10 * time.Second
		}
		return time.Minute
	}
	w.doubts = func(q job.ProcessRequest) int { return int((q.Chunk.First + 1) % 2) } // of the first, the third and the last
	w.failed = func(c job.Chunk) int64 { return (c.First + 1) % 2 }
	w.finished(t, w.finish(t))
	wantAsked(t, w, 0, job.DoubtReturn, job.DoubtDecide)
	wantAsked(t, w, 2, job.DoubtReturn, job.DoubtDecide)
	for _, c := range w.calls {
		if q, ok := c.request.(job.ProcessRequest); ok && q.Chunk.First == 2 && q.Doubt == job.DoubtDecide && c.at != laterAnswer {
			t.Errorf("it was decided about at %s, want %s", c.at, laterAnswer)
		}
	}
}

// A job that is paused decides nothing: it may be resumed when the far side is up.
func TestNothingIsDecidedWhilePaused(t *testing.T) {
	w := single(2, func(*job.Spec) {})
	w.doubts = func(job.ProcessRequest) int { return 1 }
	during := 0
	w.finished(t, w.first(t,
		alarm{500 * time.Millisecond, func(env *testsuite.TestWorkflowEnvironment) { updated(t, env, "pause") }},
		alarm{time.Hour, func(env *testsuite.TestWorkflowEnvironment) {
			during = len(w.asked(0))
			updated(t, env, "resume")
		}},
	))
	if during != 1 {
		t.Errorf("the chunk was started %d times before the job was resumed", during)
	}
	wantAsked(t, w, 0, job.DoubtReturn, job.DoubtDecide)
}

// What is in doubt when a run continues as new is what the next one finds half-done.
func TestDoubtsOutliveARun(t *testing.T) {
	w := single(12, func(s *job.Spec) { s.Tuning.ActivitiesPerRun = 4 })
	w.doubts = func(q job.ProcessRequest) int { return int(max(0, min(1, 2-q.Chunk.First))) }
	w.finished(t, w.finish(t))
	if how := w.asked(0); how[len(how)-1] == job.DoubtReturn {
		t.Errorf("of the first chunk was asked %q", how)
	}
}
