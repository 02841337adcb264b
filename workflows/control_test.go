package workflows_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"
	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/workflows"
)

// update has a job that runs change its control, and hands on what it answered.
func update(env *testsuite.TestWorkflowEnvironment, name string, then func(job.Control, error), args ...any) {
	env.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { then(job.Control{}, err) },
		OnComplete: func(v any, err error) {
			c, _ := v.(job.Control)
			then(c, err)
		},
	}, args...)
}

// updated is update where it must succeed.
func updated(t rapid.TB, env *testsuite.TestWorkflowEnvironment, name string, args ...any) {
	update(env, name, func(_ job.Control, err error) {
		if err != nil {
			t.Errorf("%s %v: %v", name, args, err)
		}
	}, args...)
}

func capOf(n int) job.Setting { return job.Setting{Concurrency: &n} }

// ask has every chunk in flight, or those that pick names, hear of its target and go by it.
func (w *world) ask(t rapid.TB, env *testsuite.TestWorkflowEnvironment, pick func(*lane) bool) {
	t.Helper()
	v, err := env.QueryWorkflow(job.QueryTargets, int64(-1))
	var targets job.Targets
	if err == nil {
		err = v.Get(&targets)
	}
	if err != nil {
		t.Errorf("targets: %v", err)
	}
	if limit := progress(t, env).Control.Concurrency; targets.Concurrency != limit {
		t.Errorf("the chunks are told of a cap of %d, want %d", targets.Concurrency, limit)
	}
	for _, l := range w.inFlight() {
		i := slices.IndexFunc(targets.Chunks, func(g job.Target) bool { return g.First == l.First && g.Granted == l.granted })
		if i < 0 {
			t.Errorf("%s, in flight, has no target", l.Chunk)
			continue
		}
		if g := targets.Chunks[i]; g.Revision != l.revision && pick(l) {
			l.slots, l.revision = min(g.Slots, l.most), g.Revision
			l.answers = g.Answer || l.slots < g.Slots
			if l.rate = g.Rate; l.slots < g.Slots {
				l.rate = scaled(g.Rate, l.slots)
			}
		}
	}
}

// scaled is the share of a chunk that keeps so many of its slots.
func scaled(r *job.RateShare, keeps int) *job.RateShare {
	if r == nil {
		return nil
	}
	return &job.RateShare{PerSecond: r.PerSecond * float64(keeps) / float64(r.Slots), Burst: min(1, r.Burst), Slots: keeps}
}

func every(*lane) bool { return true }

// answer has those chunks say what they keep that are to.
func (w *world) answer(env *testsuite.TestWorkflowEnvironment, pick func(*lane) bool) {
	for _, l := range w.inFlight() {
		if l.answers && pick(l) {
			l.answers = false
			env.SignalWorkflow(job.SignalSlotsReturned, job.SlotsReturned{First: l.First, Granted: l.granted, Keep: l.slots, Revision: l.revision})
		}
	}
}

func (w *world) inFlight() []*lane {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.SortedFunc(maps.Values(w.running), func(a, b *lane) int { return int(a.First - b.First) })
}

// hear has all chunks in flight ask, go by it and answer, some times over.
func (w *world) hear(t rapid.TB, from time.Duration) (alarms []alarm) {
	for i := range time.Duration(4) {
		alarms = append(alarms,
			alarm{from + i*time.Second, func(env *testsuite.TestWorkflowEnvironment) { w.ask(t, env, every) }},
			alarm{from + i*time.Second + time.Millisecond, func(env *testsuite.TestWorkflowEnvironment) { w.answer(env, every) }})
	}
	return alarms
}

// endless is a world of chunks that take for ever, of as many records as a test wants.
func endless(records int64, spec func(*job.Spec)) *world {
	w := newWorld(records, newSpec(spec))
	w.takes = func(job.ProcessRequest) time.Duration { return 24 * time.Hour }
	w.limit = job.MaxConcurrency
	return w
}

// slotsOf is the slots of the chunks in flight, in the input's order.
func (w *world) slotsOf() (n []int) {
	for _, l := range w.inFlight() {
		n = append(n, l.slots)
	}
	return n
}

// TestSlotsFollowTheCap sets a cap while four chunks, of 100 records each, have 16 slots; there are only those, or many more.
func TestSlotsFollowTheCap(t *testing.T) {
	for name, c := range map[string]struct {
		records int64
		set     func(t *testing.T, env *testsuite.TestWorkflowEnvironment)
		want    []int
	}{
		"as it was":         {10_000, func(*testing.T, *testsuite.TestWorkflowEnvironment) {}, []int{4, 4, 4, 4}},
		"the same":          {10_000, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) { updated(t, env, "set", capOf(16)) }, []int{4, 4, 4, 4}},
		"lower":             {10_000, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) { updated(t, env, "set", capOf(8)) }, []int{2, 2, 2, 2}},
		"fewer than chunks": {10_000, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) { updated(t, env, "set", capOf(3)) }, []int{1, 1, 1, 0}},
		"one":               {10_000, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) { updated(t, env, "set", capOf(1)) }, []int{1, 0, 0, 0}},
		"higher":            {10_000, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) { updated(t, env, "set", capOf(40)) }, []int{10, 10, 10, 10}},
		"higher, uneven":    {10_000, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) { updated(t, env, "set", capOf(18)) }, []int{5, 5, 4, 3}},
		"beyond the chunks": {400, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) { updated(t, env, "set", capOf(1000)) }, []int{100, 100, 100, 100}},
		"more chunks":       {600, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) { updated(t, env, "set", capOf(1000)) }, []int{100, 100, 100, 100, 4, 8}},
		"paused":            {10_000, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) { updated(t, env, "pause") }, []int{0, 0, 0, 0}},
		"paused twice": {10_000, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) {
			updated(t, env, "pause")
			updated(t, env, "pause")
		}, []int{0, 0, 0, 0}},
		"paused, and set": {10_000, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) {
			updated(t, env, "pause")
			updated(t, env, "set", capOf(32))
		}, []int{0, 0, 0, 0}},
		"paused and resumed": {10_000, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) {
			updated(t, env, "pause")
			updated(t, env, "resume")
		}, []int{4, 4, 4, 4}},
		"paused, set, resumed": {10_000, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) {
			updated(t, env, "pause")
			updated(t, env, "set", capOf(32))
			updated(t, env, "resume")
		}, []int{8, 8, 8, 8}},
		"down and up again": {10_000, func(t *testing.T, env *testsuite.TestWorkflowEnvironment) {
			updated(t, env, "set", capOf(4))
			updated(t, env, "set", capOf(20))
		}, []int{5, 5, 5, 5}},
		"by signals": {10_000, func(_ *testing.T, env *testsuite.TestWorkflowEnvironment) {
			env.SignalWorkflow("pause", nil)
			env.SignalWorkflow("set", capOf(8))
			env.SignalWorkflow("resume", nil)
		}, []int{2, 2, 2, 2}},
		"paused by a signal": {10_000, func(_ *testing.T, env *testsuite.TestWorkflowEnvironment) { env.SignalWorkflow("pause", nil) }, []int{0, 0, 0, 0}},
		"a signal that is refused": {10_000, func(_ *testing.T, env *testsuite.TestWorkflowEnvironment) {
			env.SignalWorkflow("set", capOf(0))
			env.SignalWorkflow("set", "8")
		}, []int{4, 4, 4, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			w := endless(c.records, func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes, s.Tuning.ChunkRecords = 16, 4, 100 })
			// Chunks begin with four records while nothing is known of the pace: the listed ones have a hundred.
			for i := range min(c.records/100, 4) {
				w.leave(chunkOf(100*i, 100))
			}
			alarms := append(w.hear(t, 3*time.Minute), cancelAfter(time.Hour),
				alarm{2 * time.Minute, func(env *testsuite.TestWorkflowEnvironment) { c.set(t, env) }},
				alarm{10 * time.Minute, func(env *testsuite.TestWorkflowEnvironment) {
					got := w.slotsOf()
					if len(got) < len(c.want) || !slices.Equal(got[:len(c.want)], c.want) {
						t.Errorf("slots %v, want %v", got, c.want)
					}
					if p := progress(t, env); p.Slots != w.slots() {
						t.Errorf("the workflow counts %d slots, the chunks have %d", p.Slots, w.slots())
					}
				}})
			wantCanceled(t, w, w.first(t, alarms...))
		})
	}
}

// leave leaves a chunk half-done, so that a run begins with it.
func (w *world) leave(c job.Chunk) {
	w.segments[c.First] = job.Segment{Chunk: c}
	w.former[c.First] = true
}

// TestNoMoreIsHandedOutThanTheCapAllows has a job paused, resumed and set at random, while its chunks hear of it when they like, answer when they like, and give back
// slots as they drain.
func TestNoMoreIsHandedOutThanTheCapAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.Int64Range(50, 600).Draw(t, "records"), newSpec(func(s *job.Spec) {
			s.Concurrency = rapid.IntRange(1, 40).Draw(t, "concurrency")
			s.Tuning.Lanes = rapid.IntRange(1, 9).Draw(t, "lanes")
			s.Tuning.ChunkRecords = rapid.IntRange(1, 60).Draw(t, "chunk records")
			s.Tuning.ActivitiesPerRun = rapid.IntRange(10, 200).Draw(t, "activities")
			if rapid.Bool().Draw(t, "rated") {
				s.Rate, s.Burst = "100/s", rapid.IntRange(1, 20).Draw(t, "burst")
			}
		}))
		takes := rapid.IntRange(1, 30).Draw(t, "seconds")
		w.takes = func(q job.ProcessRequest) time.Duration {
			return time.Duration(1+(q.Chunk.First*7)%int64(takes)) * time.Second
		}
		w.limit = job.MaxConcurrency
		var alarms []alarm
		some := func(*lane) bool { return rapid.IntRange(0, 2).Draw(t, "who") > 0 }
		for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
			at := time.Second + time.Duration(i)*700*time.Millisecond
			step := rapid.IntRange(0, 9).Draw(t, "step")
			n := rapid.IntRange(1, 60).Draw(t, "cap")
			alarms = append(alarms, alarm{at, func(env *testsuite.TestWorkflowEnvironment) {
				switch step {
				case 0:
					updated(t, env, "pause")
				case 1, 2:
					updated(t, env, "resume")
				case 3, 4:
					updated(t, env, "set", capOf(n))
				case 5:
					if w.spec.Rate != "" {
						return // so that there is one to be held to
					}
					rates := []job.Rate{"10/s", "1000/s", "none"}
					updated(t, env, "set", job.Setting{Rate: &rates[n%3]})
				case 6, 7:
					w.ask(t, env, some)
				case 8:
					w.answer(env, some)
				case 9:
					w.drain(env, n)
				}
			}}, alarm{at + 300*time.Millisecond, func(env *testsuite.TestWorkflowEnvironment) { w.holds(t, env) }})
		}
		at := time.Minute
		alarms = append(alarms, alarm{at, func(env *testsuite.TestWorkflowEnvironment) { updated(t, env, "resume") }})
		alarms = append(alarms, w.hear(t, at+time.Second)...)
		alarms = append(alarms, alarm{at + 20*time.Second, func(env *testsuite.TestWorkflowEnvironment) {
			if p := progress(t, env); p.Slots > p.Control.Concurrency {
				t.Errorf("%d slots are handed out after all chunks have answered, of %d", p.Slots, p.Control.Concurrency)
			}
			w.holds(t, env)
		}})
		r := w.first(t, alarms...)
		for runs := 0; r.continued && runs < 1_000; runs++ { // those after the first may be paused
			r = w.once(t, r.spec, r.carried, alarm{time.Second, func(env *testsuite.TestWorkflowEnvironment) { updated(t, env, "resume") }})
		}
		w.finished(t, r)
	})
}

// drain has the first chunk in flight that has more than n slots find that it needs no more.
func (w *world) drain(env *testsuite.TestWorkflowEnvironment, n int) {
	for _, l := range w.inFlight() {
		if n > 0 && l.slots > n && !l.answers {
			l.rate = scaled(l.rate, n)
			l.slots, l.most = n, n
			env.SignalWorkflow(job.SignalSlotsReturned, job.SlotsReturned{First: l.First, Granted: l.granted, Keep: n, Revision: l.revision})
			return
		}
	}
}

// holds checks that the chunks use no more than the workflow has handed out to them.
func (w *world) holds(t rapid.TB, env *testsuite.TestWorkflowEnvironment) {
	t.Helper()
	p := progress(t, env)
	if n := w.slots(); n > p.Slots {
		t.Errorf("chunks use %d slots, the workflow has handed out %d", n, p.Slots)
	}
	var rate float64
	burst := 0
	for _, l := range w.inFlight() {
		if l.rate != nil {
			rate, burst = rate+l.rate.PerSecond, burst+l.rate.Burst
		}
	}
	if limit := w.spec.Rate.PerSecond(); limit > 0 && (rate > limit*(1+1e-9) || burst > w.spec.Burst) {
		t.Errorf("%v a second and a burst of %d are held, of %v and %d", rate, burst, limit, w.spec.Burst)
	}
}

func TestASettingThatIsRefusedSaysWhy(t *testing.T) {
	zero, rate, burst := 0, job.Rate("fast"), 5
	more := 21
	for name, c := range map[string]struct {
		setting any
		want    string
	}{
		"no cap":  {job.Setting{Concurrency: &zero}, "set: concurrency: 0 is not within 1 to 100000"},
		"no rate": {job.Setting{Rate: &rate}, `set: rate: "fast" is no rate`},
		"a burst": {job.Setting{Burst: &burst}, "set: burst: there is no rate"},
		"nothing": {job.Setting{}, "set: nothing to set"},
		"above what its worker allows": {
			job.Setting{Concurrency: &more}, "set: concurrency: 21 is more than the job's workers allow, which is 20 (ask for that much at most, or have their operator raise --max-concurrency)",
		},
		"a lost word": {map[string]int{"concurency": 5}, `set: unknown field "concurency"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := endless(400, func(s *job.Spec) { s.Concurrency = 8 })
			w.ceiling = 20
			var refused error
			wantCanceled(t, w, w.first(t, cancelAfter(time.Hour), alarm{time.Minute, func(env *testsuite.TestWorkflowEnvironment) {
				update(env, "set", func(_ job.Control, err error) { refused = err }, c.setting)
			}}, alarm{2 * time.Minute, func(env *testsuite.TestWorkflowEnvironment) {
				if p := progress(t, env); p.Control != w.spec.Control() {
					t.Errorf("it is set to %s all the same", p.Control)
				}
			}}))
			if refused == nil || !strings.Contains(refused.Error(), c.want) {
				t.Errorf("got %v, want %s", refused, c.want)
			}
		})
	}
}

func TestACapMayBeSetToTheWorkersCeiling(t *testing.T) {
	w := endless(400, func(s *job.Spec) { s.Concurrency = 8 })
	w.ceiling = 20
	wantCanceled(t, w, w.first(t, cancelAfter(time.Hour), alarm{time.Minute, func(env *testsuite.TestWorkflowEnvironment) {
		updated(t, env, "set", capOf(20))
	}}, alarm{2 * time.Minute, func(env *testsuite.TestWorkflowEnvironment) {
		if p := progress(t, env); p.Control.Concurrency != 20 {
			t.Errorf("it is set to %s", p.Control)
		}
	}}))
}

// A job's control goes with it from run to run, and signals that came too late for one run are the next one's.
func TestWhatWasSetStaysSet(t *testing.T) {
	w := newWorld(4000, fours(func(s *job.Spec) { s.Tuning.ActivitiesPerRun = 20 }))
	w.limit = job.MaxConcurrency
	r := w.first(t, alarm{1500 * time.Millisecond, func(env *testsuite.TestWorkflowEnvironment) { updated(t, env, "set", capOf(7)) }})
	want := job.Control{Concurrency: 7}
	if !r.continued || r.carried.Control == nil || *r.carried.Control != want {
		t.Fatalf("the run leaves %s", r)
	}
	w.calls = nil
	var p job.Progress
	r = w.once(t, r.spec, r.carried, alarm{time.Second, func(env *testsuite.TestWorkflowEnvironment) { p = progress(t, env) }},
		alarm{2 * time.Second, func(env *testsuite.TestWorkflowEnvironment) { updated(t, env, "set", capOf(16)) }})
	if p.Control != want || p.Slots > 7 {
		t.Errorf("the next run has %s, and %d slots", p.Control, p.Slots)
	}
	if q := requests[job.ProcessRequest](w)[0]; q.Spec.Concurrency != 7 || q.Slots > 7 {
		t.Errorf("the next run asks for a chunk with %d slots, of %d", q.Slots, q.Spec.Concurrency)
	}
	if !r.continued || r.carried.Control != nil {
		t.Errorf("set back to what the job began with, it leaves %v", r.carried.Control)
	}
	w.finished(t, w.follow(t, r))
}

func TestAPausedJobStaysPausedInTheNextRun(t *testing.T) {
	w := newWorld(400, fours(func(*job.Spec) {}))
	paused := job.Control{Paused: true, Concurrency: 16}
	r := w.once(t, mustJSON(t, w.spec), workflows.Carried{Runs: 1, Control: &paused},
		alarm{time.Hour, func(env *testsuite.TestWorkflowEnvironment) {
			if n := len(requests[job.ProcessRequest](w)); n > 0 {
				t.Errorf("%d chunks were begun", n)
			}
			updated(t, env, "resume")
		}})
	w.finished(t, w.follow(t, r))
}

// TestWhatIsLeftAtTheEndGetsAllSlots has all chunks end but two, for which the slots of the others are.
func TestWhatIsLeftAtTheEndGetsAllSlots(t *testing.T) {
	w := newWorld(400, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes, s.Tuning.ChunkRecords = 16, 4, 100 }))
	for i := range int64(4) {
		w.leave(chunkOf(100*i, 100))
	}
	w.takes = func(q job.ProcessRequest) time.Duration {
		if q.Chunk.First == 0 || q.Chunk.First == 200 {
			return time.Hour
		}
		return time.Second
	}
	alarms := append(w.hear(t, time.Minute), alarm{2 * time.Minute, func(*testsuite.TestWorkflowEnvironment) {
		if got := w.slotsOf(); !slices.Equal(got, []int{8, 8}) {
			t.Errorf("slots %v, want 8 each", got)
		}
	}})
	w.finished(t, w.first(t, alarms...))
}
