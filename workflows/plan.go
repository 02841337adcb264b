package workflows

import (
	"time"

	"github.com/longhaul/longhaul/job"
)

// Pace is what was observed of a job's tasks. The zero Pace is that of a job of which nothing is known yet.
type Pace struct {
	// PerLane is the records a second that one lane gets done, smoothed.
	PerLane float64 `json:"perLane,omitempty"`
	// Task is the seconds that one record's tries take, smoothed.
	Task float64 `json:"task,omitempty"`
	// Largest is the records of the largest chunk seen.
	Largest int `json:"largest,omitempty"`
}

const (
	// smoothing is the weight of a new observation.
	smoothing = 0.5
	// growth bounds how much larger than the largest chunk seen the next may be, since a short chunk's time is mostly overhead.
	growth = 8
	// slowTask is the part of the chunk duration above which a task counts as slow: lanes then multiply, since
	// chunks of few rounds leave slots unused while they drain.
	slowTask = 4
	// maxLanes bounds the chunks running at once, well under Temporal's 2,000 pending activities.
	maxLanes = 500
)

// Observe returns the pace after a chunk of n records that took elapsed, of which its tries were busy, summed over its slots.
func (p Pace) Observe(n int, elapsed, busy time.Duration) Pace {
	if n < 1 || elapsed <= 0 {
		return p
	}
	rate, task := float64(n)/elapsed.Seconds(), busy.Seconds()/float64(n)
	if p.Largest > 0 {
		rate = smoothing*rate + (1-smoothing)*p.PerLane
		task = smoothing*task + (1-smoothing)*p.Task
	}
	return Pace{PerLane: rate, Task: task, Largest: max(n, p.Largest)}
}

// Sizing is how large chunks should be and over how many of them the slots are shared out.
type Sizing struct {
	// Records of the next chunks.
	Records int
	// Fit is how many records would take as long as a chunk should; 0 while nothing is known.
	Fit int
	// Lanes to share the slots over.
	Lanes int
	// Share is the slots that one lane is given, the last one perhaps fewer.
	Share int
}

// Plan sizes chunks so that one takes the duration that t asks for, for a cap of concurrency tasks. A chunk is never smaller than one lane's share
// of the slots, nor larger than t allows.
func Plan(t job.Tuning, concurrency int, p Pace) Sizing {
	target := time.Duration(t.ChunkDuration).Seconds()
	s := Sizing{Lanes: t.Lanes}
	if p.Task*slowTask > target {
		s.Lanes = max(s.Lanes, maxLanes)
	}
	s.Lanes = min(s.Lanes, concurrency)
	s.Share = ceilDiv(concurrency, s.Lanes)
	s.Lanes = ceilDiv(concurrency, s.Share)
	if p.Largest > 0 {
		s.Fit = min(max(1, int(min(p.PerLane*target, float64(t.ChunkRecords)))), t.ChunkRecords)
	}
	s.Records = min(max(min(s.Fit, growth*p.Largest), s.Share), t.ChunkRecords)
	return s
}

// taperTo is the share of a full chunk below which chunks at the input's end do not shrink: about a second's work of a lane, by far more than a
// chunk costs.
const taperTo = 10

// startDoublings is how often chunks double in size at most while the pace is not known.
const startDoublings = 8

// minRecords is the size below which chunks at the input's end do not shrink.
func minRecords(s Sizing, t job.Tuning) int {
	return min(max(s.Share, s.Fit/taperTo), t.ChunkRecords)
}

// pageChunks is how many chunks to list at once: enough for some rounds of the lanes, few while their size is still a guess.
func pageChunks(s Sizing, p Pace) int {
	if p.Largest == 0 {
		return s.Lanes
	}
	return min(max(4*s.Lanes, 16), 256)
}

// farOff is how many times larger or smaller than planned listed chunks must be to be better listed anew.
const farOff = 4

// outgrown says whether listed chunks of the given size are much smaller than the plan has them.
func outgrown(listed int, s Sizing) bool { return s.Records >= farOff*listed }

// oversized says whether they would take much longer than a chunk should. Until a pace is known nobody can say.
func oversized(listed int, s Sizing) bool { return s.Fit > 0 && listed >= farOff*max(s.Fit, s.Share) }

func ceilDiv(a, b int) int { return (a + b - 1) / b }
