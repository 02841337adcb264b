package workflows_test

import (
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/workflows"
)

// tasksOf makes each record take d in a slot, with what a chunk costs beside its tasks.
func tasksOf(d func(record int64) time.Duration) func(job.ProcessRequest) time.Duration {
	const chunkCost = 50 * time.Millisecond
	return func(q job.ProcessRequest) time.Duration {
		rounds := (q.Chunk.Records + q.Slots - 1) / q.Slots
		return chunkCost + time.Duration(rounds)*d(q.Chunk.First)
	}
}

func steady(d time.Duration) func(int64) time.Duration {
	return func(int64) time.Duration { return d }
}

func TestChunksGrowUntilTheyTakeWhatTheyShould(t *testing.T) {
	for name, tt := range map[string]struct {
		task        time.Duration
		concurrency int
		records     int64
		want        time.Duration
	}{
		"quick tasks":        {5 * time.Millisecond, 8, 100_000, 10 * time.Second},
		"tasks of a second":  {time.Second, 64, 20_000, 10 * time.Second},
		"a minute as target": {50 * time.Millisecond, 16, 100_000, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(tt.records, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.ChunkDuration = tt.concurrency, job.Duration(tt.want) }))
			w.takes = tasksOf(steady(tt.task))
			w.finished(t, w.finish(t))
			var longest time.Duration
			largest := 0
			for _, q := range requests[job.ProcessRequest](w) {
				if q.Slots == tt.concurrency/4 { // the last lane may have fewer, and take longer
					longest = max(longest, w.takes(q))
				}
				if q.Chunk.Records > 8*max(largest, tt.concurrency) {
					t.Errorf("%s: a chunk of %d records after none larger than %d", q.Chunk, q.Chunk.Records, largest)
				}
				largest = max(largest, q.Chunk.Records)
			}
			// The eight chunks listed before anything is known double in size, from a round of a lane's slots to 128.
			blind := w.takes(job.ProcessRequest{Slots: 1, Chunk: job.Chunk{Records: 128}})
			if longest < tt.want*8/10 || longest > max(blind, tt.want*12/10) {
				t.Errorf("the longest chunk took %s, want about %s", longest, tt.want)
			}
		})
	}
}

func TestChunksShrinkWhenTasksGetSlower(t *testing.T) {
	const records, turn = 200_000, 100_000
	w := newWorld(records, newSpec(func(s *job.Spec) { s.Concurrency = 8 }))
	w.takes = tasksOf(func(record int64) time.Duration {
		if record < turn {
			return 2 * time.Millisecond
		}
		return 100 * time.Millisecond
	})
	w.finished(t, w.finish(t))
	late := 0 // chunks after the turn that were still cut to the old pace, of which four begin before any ends
	for _, q := range requests[job.ProcessRequest](w) {
		if q.Chunk.First >= turn && w.takes(q) > 30*time.Second {
			late++
		}
	}
	if late > 4*4 {
		t.Errorf("%d chunks were three times as long as they should after tasks got slower", late)
	}
}

// Lanes of many slots would leave most of them unused while they drain.
func TestSlowTasksGetALaneEach(t *testing.T) {
	w := newWorld(400, newSpec(func(s *job.Spec) { s.Concurrency = 16 }))
	w.takes = tasksOf(steady(10 * time.Minute))
	w.finished(t, w.finish(t))
	for i, q := range requests[job.ProcessRequest](w) {
		if i >= 16 && (q.Slots != 1 || q.Chunk.Records != 1) {
			t.Errorf("%s, the %dth to start, has %d slots", q.Chunk, i, q.Slots)
		}
	}
	if w.most != 16 {
		t.Errorf("%d slots were used, of 16", w.most)
	}
}

// A page is cut to the pace of the day. What of it has not begun when chunks turn out far too small is cut anew.
func TestChunksThatWereListedTooSmallAreListedAnew(t *testing.T) {
	w := newWorld(100_000, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes = 8, 8 }))
	w.takes = tasksOf(steady(time.Millisecond))
	w.finished(t, w.finish(t))
	sizes := map[int]int{}
	for _, c := range w.chunks() {
		if c.End() < 50_000 {
			sizes[c.Records]++
		}
	}
	for size, n := range sizes {
		if size < 1000 && n > 2*8 {
			t.Errorf("%d chunks of %d records: a whole page of them was kept", n, size)
		}
	}
	if len(sizes) < 4 {
		t.Errorf("chunks of these sizes only: %v", sizes)
	}
}

func TestChunksThatWereListedTooLargeAreListedAnew(t *testing.T) {
	for name, records := range map[string]int64{
		"in the middle":      120_000,
		"with the end in it": 80_000, // which one page lists
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(records, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes = 2, 2 }))
			w.takes = tasksOf(steady(100 * time.Millisecond))
			// The run before saw them a hundred times quicker.
			pace := workflows.Pace{PerLane: 1000, Task: .001, Largest: 10_000}
			w.finished(t, w.follow(t, w.once(t, mustJSON(t, w.spec), workflows.Carried{Runs: 1, Pace: pace})))
			large := 0
			for _, c := range w.chunks() {
				if c.Records == 10_000 {
					large++
				}
			}
			if large < 2 || large > 5 {
				t.Errorf("%d chunks of the old size were run, want the two of the lanes and those of the time it took to see", large)
			}
		})
	}
}

// Nothing is known of the tasks yet: a chunk that is too large for some is just right for others.
func TestTheFirstChunksAreOfAllSizes(t *testing.T) {
	w := newWorld(100_000, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes, s.Tuning.ChunkRecords = 64, 8, 500 }))
	w.finished(t, w.finish(t))
	for i, want := range []int{8, 16, 32, 64, 128, 256, 500, 500} {
		if c := w.chunks()[i]; c.Records != want {
			t.Errorf("chunk %d has %d records, want %d", i, c.Records, want)
		}
	}
}

// Towards the end chunks are cut small on purpose, and the last ones smaller still: that must not be taken for a reason to cut them anew, for ever.
func TestTheEndOfTheInputIsListedOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		records     int64
		concurrency int
		task        func(int64) time.Duration
	}{
		"short input":              {500, 64, steady(time.Millisecond)},
		"long input":               {100_000, 64, steady(5 * time.Millisecond)},
		"slow tasks":               {2_000, 64, steady(20 * time.Second)},
		"slower towards the end":   {50_000, 32, func(r int64) time.Duration { return time.Duration(1+r*r/1e6) * time.Millisecond }},
		"quicker towards the end":  {50_000, 32, func(r int64) time.Duration { return time.Duration(1+(50_000-r)/50) * time.Millisecond }},
		"quick and slow by halves": {50_000, 32, func(r int64) time.Duration { return time.Duration(1+r/10_000%2*200) * time.Millisecond }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(tt.records, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes = tt.concurrency, 8 }))
			w.takes = tasksOf(tt.task)
			w.finished(t, w.finish(t))
			chunks, lists := w.count(job.ActivityProcessChunk), w.count(job.ActivityListChunks)
			t.Logf("%d listings for %d chunks, %d runs", lists, chunks, w.run)
			if lists > 10+chunks/8 {
				t.Errorf("%d listings for %d chunks", lists, chunks)
			}
		})
	}
}
