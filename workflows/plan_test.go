package workflows

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
)

// tuning is the default one, and what change makes of it.
func tuning(change func(*job.Tuning)) job.Tuning {
	t := job.Spec{}.WithDefaults().Tuning
	change(&t)
	return t
}

func TestPlan(t *testing.T) {
	defaults := func(*job.Tuning) {}
	for name, tt := range map[string]struct {
		tuning      func(*job.Tuning)
		concurrency int
		pace        Pace
		want        Sizing
	}{
		"nothing known":                    {defaults, 64, Pace{}, Sizing{Records: 8, Lanes: 8, Share: 8}},
		"one slot":                         {defaults, 1, Pace{}, Sizing{Records: 1, Lanes: 1, Share: 1}},
		"fewer slots than lanes":           {defaults, 5, Pace{}, Sizing{Records: 1, Lanes: 5, Share: 1}},
		"slots that lanes do not divide":   {defaults, 17, Pace{}, Sizing{Records: 3, Lanes: 6, Share: 3}},
		"ten seconds' worth":               {defaults, 64, Pace{PerLane: 100, Task: .01, Largest: 1000}, Sizing{Records: 1000, Fit: 1000, Lanes: 8, Share: 8}},
		"eight times the largest at most":  {defaults, 64, Pace{PerLane: 1e6, Task: 1e-6, Largest: 50}, Sizing{Records: 400, Fit: 25_000, Lanes: 8, Share: 8}},
		"the bound of records":             {defaults, 64, Pace{PerLane: 1e6, Task: 1e-6, Largest: 90_000}, Sizing{Records: 25_000, Fit: 25_000, Lanes: 8, Share: 8}},
		"a share at least":                 {defaults, 64, Pace{PerLane: .01, Task: 2, Largest: 8}, Sizing{Records: 8, Fit: 1, Lanes: 8, Share: 8}},
		"the bound of records below that":  {func(t *job.Tuning) { t.ChunkRecords = 3 }, 64, Pace{}, Sizing{Records: 3, Lanes: 8, Share: 8}},
		"a longer chunk":                   {func(t *job.Tuning) { t.ChunkDuration *= 6 }, 64, Pace{PerLane: 100, Task: .01, Largest: 1000}, Sizing{Records: 6000, Fit: 6000, Lanes: 8, Share: 8}},
		"a task of a quarter of the chunk": {defaults, 64, Pace{PerLane: 3.2, Task: 2.5, Largest: 32}, Sizing{Records: 32, Fit: 32, Lanes: 8, Share: 8}},
		"a task slower than that":          {defaults, 64, Pace{PerLane: 3.1, Task: 2.6, Largest: 32}, Sizing{Records: 31, Fit: 31, Lanes: 64, Share: 1}},
		"slow tasks and a large cap":       {defaults, 100_000, Pace{PerLane: 20, Task: 600, Largest: 12_500}, Sizing{Records: 200, Fit: 200, Lanes: 500, Share: 200}},
		"more lanes asked for":             {func(t *job.Tuning) { t.Lanes = 500 }, 1000, Pace{}, Sizing{Records: 2, Lanes: 500, Share: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Plan(tuning(tt.tuning), tt.concurrency, tt.pace); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestObserve(t *testing.T) {
	seen := Pace{PerLane: 10, Task: 2, Largest: 100}
	for name, tt := range map[string]struct {
		before        Pace
		records       int
		elapsed, busy time.Duration
		want          Pace
	}{
		"the first chunk":       {Pace{}, 50, 10 * time.Second, 100 * time.Second, Pace{PerLane: 5, Task: 2, Largest: 50}},
		"half of the old stays": {seen, 40, 10 * time.Second, 160 * time.Second, Pace{PerLane: 7, Task: 3, Largest: 100}},
		"a larger one":          {seen, 400, 40 * time.Second, 800 * time.Second, Pace{PerLane: 10, Task: 2, Largest: 400}},
		"no record":             {seen, 0, time.Second, time.Second, seen},
		"fewer than none":       {seen, -1, time.Second, time.Second, seen},
		"no time":               {seen, 10, 0, time.Second, seen},
		"less than no time":     {seen, 10, -time.Second, time.Second, seen},
		"tasks that take none":  {Pace{}, 10, time.Second, 0, Pace{PerLane: 10, Largest: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.before.Observe(tt.records, tt.elapsed, tt.busy); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

func anyTuning(t *rapid.T) job.Tuning {
	return tuning(func(u *job.Tuning) {
		u.ChunkRecords = rapid.IntRange(1, 1_000_000).Draw(t, "chunk records")
		u.ChunkDuration = job.Duration(rapid.Int64Range(int64(10*time.Millisecond), int64(time.Hour)).Draw(t, "chunk duration"))
		u.Lanes = rapid.IntRange(1, 500).Draw(t, "lanes")
	})
}

// anyPace is what some chunks left behind, nonsense included.
func anyPace(t *rapid.T) (p Pace) {
	for range rapid.IntRange(0, 5).Draw(t, "observations") {
		p = p.Observe(rapid.IntRange(-1, 1_000_000).Draw(t, "records"),
			time.Duration(rapid.Int64Range(-1, 1e15).Draw(t, "elapsed")), time.Duration(rapid.Int64Range(0, 1e18).Draw(t, "busy")))
	}
	return p
}

var anyConcurrency = rapid.OneOf(rapid.IntRange(1, 600), rapid.IntRange(1, job.MaxConcurrency))

func TestPlanSharesAllSlotsAndBoundsChunks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, n, p := anyTuning(t), anyConcurrency.Draw(t, "concurrency"), anyPace(t)
		s := Plan(u, n, p)
		if s.Share < 1 || s.Lanes < 1 || s.Lanes > n || s.Lanes > maxLanes {
			t.Errorf("%+v for a cap of %d", s, n)
		}
		if s.Share*s.Lanes < n || (s.Lanes-1)*s.Share >= n {
			t.Errorf("%+v does not share out %d slots over just as many lanes as they take", s, n)
		}
		if s.Records < min(s.Share, u.ChunkRecords) || s.Records > u.ChunkRecords {
			t.Errorf("chunks of %d records, not within %d and %d", s.Records, min(s.Share, u.ChunkRecords), u.ChunkRecords)
		}
		if m := minRecords(s, u); m < 1 || m > u.ChunkRecords {
			t.Errorf("chunks of at most %d records shrink to %d", u.ChunkRecords, m)
		}
		if c := pageChunks(s, p); c < 1 || c > max(256, s.Lanes) {
			t.Errorf("%d chunks a page", c)
		}
		if outgrown(s.Records, s) || oversized(max(s.Records, s.Fit), s) {
			t.Error("chunks of the planned size count as far off: they would be listed for ever")
		}
	})
}

func TestAQuickerPaceNeverMakesChunksSmaller(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, n, p := anyTuning(t), anyConcurrency.Draw(t, "concurrency"), anyPace(t)
		if p.Largest == 0 {
			t.Skip("nothing observed")
		}
		q := p
		q.PerLane *= rapid.Float64Range(1, 1000).Draw(t, "quicker")
		q.Largest += rapid.IntRange(0, 1000).Draw(t, "larger")
		if a, b := Plan(u, n, p), Plan(u, n, q); a.Records > b.Records || a.Lanes != b.Lanes || a.Share != b.Share {
			t.Errorf("%+v for %+v, but %+v for the quicker %+v", a, p, b, q)
		}
	})
}

func TestASlowerTaskNeverGetsFewerLanes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, n, p := anyTuning(t), anyConcurrency.Draw(t, "concurrency"), anyPace(t)
		q := p
		q.Task *= rapid.Float64Range(1, 1000).Draw(t, "slower")
		if a, b := Plan(u, n, p), Plan(u, n, q); a.Lanes > b.Lanes || a.Share < b.Share {
			t.Errorf("%+v for %+v, but %+v for the slower %+v", a, p, b, q)
		}
	})
}

// However wrong the first estimate, some observations of a steady pace bring chunks to what they should take.
func TestThePlanConvergesOnASteadyPace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := tuning(func(u *job.Tuning) { u.ChunkRecords = 1_000_000 })
		p := anyPace(t)
		perSecond := rapid.Float64Range(10, 50_000).Draw(t, "records a second")
		for range 60 {
			n := Plan(u, 8, p).Records
			elapsed := time.Duration(float64(n) / perSecond * float64(time.Second))
			p = p.Observe(n, elapsed, elapsed)
		}
		if got, want := float64(Plan(u, 8, p).Records), perSecond*10; got < want*.9-1 || got > want*1.1+1 {
			t.Errorf("chunks of %.0f records at %.0f a second, want %.0f", got, perSecond, want)
		}
	})
}
