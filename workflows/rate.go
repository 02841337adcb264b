package workflows

import (
	"math"
	"time"

	"github.com/longhaul/longhaul/job"
)

// plan sizes the next chunks.
func (c *coordinator) plan() Sizing {
	return c.spec.limited(Plan(c.spec.Tuning, c.spec.Concurrency, c.carried.Pace))
}

// rated is a Spec's rate.
type rated struct {
	job.Spec
	perSecond float64 // 0: no bound
}

func newRated(s job.Spec) rated { return rated{s, s.Rate.PerSecond()} }

// limited fits a plan to the rate. Each lane needs one of the burst for itself, since each may be on a worker of its own, and a lane's chunk should not take longer by
// the rate than chunks should.
func (r rated) limited(s Sizing) Sizing {
	if r.perSecond == 0 {
		return s
	}
	if s.Lanes > r.Burst {
		s.Share = ceilDiv(r.Concurrency, r.Burst)
		s.Lanes = ceilDiv(r.Concurrency, s.Share)
	}
	most := r.mostRecords(s)
	s.Records, s.Fit = min(s.Records, most), min(s.Fit, most)
	return s
}

// mostRecords is how many records a lane of a plan may begin in the time that a chunk should take.
func (r rated) mostRecords(s Sizing) int {
	if r.perSecond == 0 {
		return math.MaxInt
	}
	share := float64(s.Share) / float64(r.Concurrency)
	return max(1, int(min(r.perSecond*share*time.Duration(r.Tuning.ChunkDuration).Seconds(), 1e9)))
}

// beginRate has the job begin with all of the burst saved up, and every later run with what the one before left. A job that is resumed does not know what was spent: nothing
// is saved up.
func (c *coordinator) beginRate(p job.Prepared) {
	if c.spec.perSecond == 0 {
		return
	}
	c.freeTokens = c.carried.Tokens
	if c.carried.Runs == 1 && p.Position.Records == 0 && len(p.Segments) == 0 {
		c.freeTokens = float64(max(0, c.free.burst))
	}
}

// rateAllows says whether another lane may be started. While others are to give some of the rate back there may be too little.
func (c *coordinator) rateAllows(s Sizing) bool {
	return c.spec.perSecond == 0 || c.free.burst > 0 && c.free.perSecond >= c.rateFor(min(c.free.slots, s.Share))/2
}

// rateFor is the part of the rate that goes with slots.
func (c *coordinator) rateFor(slots int) float64 {
	return c.spec.perSecond * float64(slots) / float64(c.spec.Concurrency)
}

// burstOf is one lane's part of a burst that is left for so many: each of them needs at least one.
func burstOf(left, lanes int) int { return min(left, max(1, left/max(1, lanes))) }

// grant gives a lane slots for n records, and its share of the rate: as much of it as of the slots. A lane under a rate holds its slots though its chunk has fewer records, and the
// rate with them.
func (c *coordinator) grant(l *lane, s Sizing) *job.RateShare {
	l.held.slots = min(c.free.slots, s.Share, l.chunk.Records)
	var r *job.RateShare
	if c.spec.perSecond > 0 {
		l.held.slots = min(c.free.slots, s.Share)
		l.held.burst = burstOf(c.free.burst, ceilDiv(c.free.slots, s.Share))
		l.held.perSecond = min(c.free.perSecond, c.rateFor(l.held.slots))
		r = &job.RateShare{PerSecond: l.held.perSecond, Burst: l.held.burst, Slots: l.held.slots, Tokens: min(c.freeTokens, float64(l.held.burst))}
		c.freeTokens -= r.Tokens
	}
	l.target, l.most = l.held, max(l.held.slots, l.chunk.Records)
	c.free = c.free.minus(l.held)
	return r
}
