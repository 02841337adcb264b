package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/slots"
)

// rateOf is the bucket that the chunks of a job share on this worker, nil where its rate has no bound.
func rateOf(s job.Spec) *slots.Rate {
	if s.Rate == "" {
		return nil
	}
	return &slots.Rate{}
}

// saved is how many tries a chunk has saved up when it begins. What a former attempt had may be spent.
func saved(ctx context.Context, q job.ProcessRequest) float64 {
	if q.Rate == nil || activity.GetInfo(ctx).Attempt > 1 {
		return 0
	}
	return q.Rate.Tokens
}

// joinRate brings the chunk's share of the rate, before the first try.
func (r *chunkRun) joinRate(ctx context.Context, q job.ProcessRequest) {
	if r.shared.rate == nil || q.Rate == nil {
		return
	}
	r.share = r.shared.rate.Join(q.Rate.PerSecond, q.Rate.Burst, saved(ctx, q))
}

// keepRate gives back the part of the share that goes with slots given back. The workflow reckons the same.
func (r *chunkRun) keepRate(n int) {
	if r.share != nil {
		r.share.Keep(r.spec.Rate.PerSecond()*float64(n)/float64(r.spec.Concurrency), 1)
	}
}

// leaveRate takes the share out, when no try is under way any more, and returns what it had saved up.
func (r *chunkRun) leaveRate() float64 {
	if r.share == nil {
		return 0
	}
	return r.share.Leave()
}

// mayBegin waits until the rate allows another try. It says no when the run stops.
func (r *chunkRun) mayBegin() bool {
	if r.share == nil {
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
