package activities

import (
	"sync/atomic"
	"time"
)

// breaker tells an outage of the far side from the failure of single records, for all chunks of a job on this worker.
//
// A record whose tries were used up by transient failures has failed for good only if the far side was up meanwhile: something succeeded
// since its first try, and since then not so many records have failed that the far side seems to have gone down after that. Otherwise it is held.
// Held records are tried anew once something succeeds; and when so many are held that it can hardly be them, it is an outage.
type breaker struct {
	success atomic.Int64 // time of the last success, in nanoseconds of the Unix epoch
	epoch   atomic.Int64 // counts the successes that ended a row of failures
	failing atomic.Int64 // records with a transient failure since the last success
	held    atomic.Int64 // records held since then
}

// succeeded notes an answer of the far side.
func (b *breaker) succeeded(now time.Time) {
	b.success.Store(now.UnixNano())
	if b.failing.Load() != 0 || b.held.Load() != 0 {
		b.epoch.Add(1)
		b.failing.Store(0)
		b.held.Store(0)
	}
}

// failed notes a transient failure of a record that was last noted in the given epoch, and returns the epoch to give next time: a record
// counts once in a row of failures.
func (b *breaker) failed(noted int64) int64 {
	epoch := b.epoch.Load() + 1 // so that 0 is none
	if noted != epoch {
		b.failing.Add(1)
	}
	return epoch
}

// exhausted says whether to hold a record whose tries, the first of them at since, were used up by transient failures. Where it was held
// before, and tried again because the far side was up, another success since is enough to blame it; else so many records failing since
// then speak for it.
func (b *breaker) exhausted(since time.Time, again bool, many int) (hold bool) {
	if b.upSince(since) && (again || b.failing.Load() < int64(many)) {
		return false
	}
	b.held.Add(1)
	return true
}

// upSince says whether anything succeeded after t.
func (b *breaker) upSince(t time.Time) bool { return b.success.Load() > t.UnixNano() }

// outage says whether at least many records were held since the last success.
func (b *breaker) outage(many int) bool { return b.held.Load() >= int64(many) }
