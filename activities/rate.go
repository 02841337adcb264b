package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"github.com/longhaul/longhaul/job"
)

// saved is how many tries a chunk has saved up when it begins. What a former attempt had may be spent.
func saved(ctx context.Context, q job.ProcessRequest) float64 {
	if q.Rate == nil || activity.GetInfo(ctx).Attempt > 1 {
		return 0
	}
	return q.Rate.Tokens
}

// joinRate brings the chunk's share of the rate, before the first try. One that must ask first has none yet.
func (r *chunkRun) joinRate(ctx context.Context, q job.ProcessRequest) {
	if q.Rate == nil {
		return
	}
	r.shared.bounded.Store(true)
	if r.rateSlots = q.Rate.Slots; r.rateSlots == 0 {
		r.rateSlots = q.Slots // of an older workflow
	}
	if r.revision.Load() != unasked {
		r.share = r.shared.rate.Join(q.Rate.PerSecond, q.Rate.Burst, saved(ctx, q))
	}
}

// resizeRate brings as much of what the chunk shall have of the rate, with slots of its own, as goes with those that it keeps; nil takes the bound away.
func (r *chunkRun) resizeRate(to *job.RateShare, keeps, slots int) {
	if to == nil {
		r.leaveRate()
		if r.shared.bounded.Swap(false) {
			r.shared.rate.Interrupt()
		}
		return
	}
	r.shared.bounded.Store(true)
	if r.share == nil {
		r.share = r.shared.rate.Join(0, 0, 0)
	}
	r.share.Resize(to.PerSecond, to.Burst)
	r.rateSlots = slots
	r.keepRate(keeps)
}

// keepRate gives back the part of the share that goes with slots given back. The workflow reckons the same.
func (r *chunkRun) keepRate(slots int) {
	if r.share != nil && slots < r.rateSlots {
		r.share.Scale(float64(slots)/float64(r.rateSlots), 1)
		r.rateSlots = slots
	}
}

// leaveRate takes the share out, when no try is under way any more, and returns what it had saved up.
func (r *chunkRun) leaveRate() (tokens float64) {
	if r.share != nil {
		tokens = r.share.Leave()
		r.share = nil
	}
	return tokens
}

// mayBegin waits until the rate allows another try. It says no when the run stops, or the wait is interrupted.
func (r *chunkRun) mayBegin() bool {
	if !r.shared.bounded.Load() {
		return true
	}
	r.resting.Add(1)
	defer r.resting.Add(-1)
	return r.shared.rate.Wait(r.halted)
}

// halt ends every wait for the rate. The lock is held.
func (r *chunkRun) halt() {
	r.stopped = true
	select {
	case <-r.halted:
	default:
		close(r.halted)
	}
}
