package workflows_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"
	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
)

// rates has the world check the shares of the rate: all that is held at one time is within rate and burst.
func (w *world) rates(each func(job.ProcessRequest)) {
	takes := w.takes
	w.takes = func(q job.ProcessRequest) time.Duration {
		var sum job.RateShare
		for _, l := range w.running {
			r := l.rate
			if l.Chunk == q.Chunk {
				r = q.Rate
				l.rate = r
			}
			if r == nil {
				w.broken("%s has no share of the rate", l.Chunk)
				return takes(q)
			}
			sum.PerSecond += r.PerSecond
			sum.Burst += r.Burst
		}
		if limit := w.spec.Rate.PerSecond(); sum.PerSecond > limit*(1+1e-9) || sum.Burst > w.spec.Burst {
			w.broken("%v a second and a burst of %d are held, of %v and %d", sum.PerSecond, sum.Burst, limit, w.spec.Burst)
		}
		if r := q.Rate; r.Burst < 1 || r.PerSecond <= 0 || r.Tokens < 0 || r.Tokens > float64(r.Burst) {
			w.broken("%s has the share %+v", q.Chunk, *r)
		}
		if each != nil {
			each(q)
		}
		return takes(q)
	}
}

// TestAllOfTheRateIsHandedOut has as many chunks in flight as the slots and the burst allow, and looks whether they have all of the rate together.
func TestAllOfTheRateIsHandedOut(t *testing.T) {
	for concurrency := 1; concurrency <= 20; concurrency++ {
		for burst := 1; burst <= 20; burst++ {
			w := newWorld(100_000, newSpec(func(s *job.Spec) {
				s.Rate, s.Burst, s.Concurrency, s.Tuning.Lanes = "100/s", burst, concurrency, 5
			}))
			w.takes = func(job.ProcessRequest) time.Duration { return time.Hour }
			var rate float64
			slots, bursts := 0, 0
			wantCanceled(t, w, w.first(t, cancelAfter(10*time.Minute), alarm{time.Minute, func(env *testsuite.TestWorkflowEnvironment) {
				slots = progress(t, env).Slots
				for _, q := range requests[job.ProcessRequest](w) {
					rate, bursts = rate+q.Rate.PerSecond, bursts+q.Rate.Burst
				}
			}}))
			if rate < 99.999 || rate > 100.001 || slots != concurrency || bursts != burst {
				t.Errorf("of 100 a second, %d slots and a burst of %d the chunks have %v, %d and %d", concurrency, burst, rate, slots, bursts)
			}
		}
	}
}

func TestTheRateIsSharedOutLikeTheSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.Int64Range(1, 300).Draw(t, "records"), newSpec(func(s *job.Spec) {
			s.Rate = job.Rate(fmt.Sprintf("%g/s", rapid.Float64Range(0.01, 5000).Draw(t, "rate")))
			s.Burst = rapid.IntRange(1, 20).Draw(t, "burst")
			s.Concurrency = rapid.IntRange(1, 40).Draw(t, "concurrency")
			s.Tuning.Lanes = rapid.IntRange(1, 9).Draw(t, "lanes")
			s.Tuning.ActivitiesPerRun = rapid.IntRange(10, 200).Draw(t, "activities")
		}))
		w.takes = func(q job.ProcessRequest) time.Duration {
			return time.Second + time.Duration(q.Chunk.First%7)*time.Millisecond
		}
		given := 0.0
		w.rates(func(q job.ProcessRequest) { given += q.Rate.Tokens })
		w.finished(t, w.finish(t))
		if given > float64(w.spec.Burst) {
			t.Errorf("%v tokens given in all, though none came back", given)
		}
		if w.lanes > w.spec.Burst {
			t.Errorf("%d chunks at once, with a burst of %d", w.lanes, w.spec.Burst)
		}
	})
}

func TestALoneChunkOfFewRecordsHasAllOfTheRate(t *testing.T) {
	w := newWorld(3, newSpec(func(s *job.Spec) { s.Rate, s.Burst, s.Concurrency = "6/m", 1, 64 }))
	var first, last job.ProcessRequest
	w.rates(func(q job.ProcessRequest) {
		if first.Rate == nil {
			first = q
		}
		last = q
	})
	w.finished(t, w.first(t))
	if first.Rate.PerSecond != 0.1 || first.Rate.Tokens != 1 || first.Chunk.Records != 1 || first.Slots != 1 {
		t.Errorf("first %+v of %s, %d slots: what may begin in 10 s is one record, and the first one at once", *first.Rate, first.Chunk, first.Slots)
	}
	if last.Rate.PerSecond != 0.1 || last.Rate.Tokens != 0 {
		t.Errorf("last %+v", *last.Rate)
	}
}

// What a chunk has saved up goes on to the next one, in the same run and the next.
func TestWhatIsSavedUpGoesOn(t *testing.T) {
	w := newWorld(40, fours(func(s *job.Spec) { s.Rate, s.Burst, s.Tuning.ActivitiesPerRun = "1000/s", 1, 4 }))
	w.tokens = func(job.Chunk) float64 { return 0.25 }
	var got []float64
	w.rates(func(q job.ProcessRequest) { got = append(got, q.Rate.Tokens) })
	w.finished(t, w.finish(t))
	if len(got) != 10 || got[0] != 1 || w.run < 2 {
		t.Fatalf("%v in %d runs", got, w.run)
	}
	for _, tokens := range got[1:] {
		if tokens != 0.25 {
			t.Errorf("chunks began with %v", got)
			break
		}
	}
}

// A job that is resumed does not know what was spent last.
func TestAResumedJobHasNothingSavedUp(t *testing.T) {
	for name, bring := range map[string]func(*world){
		"some of it committed": func(w *world) { w.position = at(20) },
		"some of it begun":     func(w *world) { w.left(halfDone(0, 4)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(40, fours(func(s *job.Spec) { s.Rate, s.Burst = "1000/s", 1000 }))
			bring(w)
			w.rates(func(q job.ProcessRequest) {
				if q.Rate.Tokens != 0 {
					w.broken("%s begins with %v tokens", q.Chunk, q.Rate.Tokens)
				}
			})
			w.first(t)
			w.kept(t)
		})
	}
}

func TestSlotsGivenBackTakeTheirPartOfTheRateAlong(t *testing.T) {
	w := newWorld(400, fours(func(s *job.Spec) { s.Rate, s.Burst = "1600/s", 16 }))
	w.takes = func(q job.ProcessRequest) time.Duration {
		if q.Chunk.First < 16 {
			return time.Hour
		}
		return time.Second
	}
	var later []job.RateShare
	w.rates(func(q job.ProcessRequest) {
		if q.Chunk.First >= 16 {
			later = append(later, *q.Rate)
		}
	})
	w.finished(t, w.finish(t, alarm{time.Minute, func(env *testsuite.TestWorkflowEnvironment) {
		if len(later) > 0 {
			t.Error("a chunk has begun though all slots were out")
		}
		w.giveBack(env, 0, 1) // of four slots, a quarter of the rate and of the burst
		for _, l := range w.running {
			if l.First == 0 {
				l.rate = &job.RateShare{PerSecond: 100, Burst: 1}
			}
		}
	}}))
	if len(later) == 0 || math.Abs(later[0].PerSecond-300) > 1e-6 || later[0].Burst != 3 {
		t.Errorf("further chunks have %+v", later)
	}
}

// Without a rate nothing is said of one: histories of before replay as they were.
func TestAJobWithoutARateHasNoShares(t *testing.T) {
	w := newWorld(40, fours(func(*job.Spec) {}))
	w.finished(t, w.first(t))
	for _, q := range requests[job.ProcessRequest](w) {
		if q.Rate != nil {
			t.Errorf("%+v", q.Rate)
		}
	}
}
