package activities

import (
	"sync/atomic"
	"time"
)

// breaker tells an outage of the far side from the failure of single records, for all chunks of a job on this worker. A record whose tries
// were used up by transient failures has failed for good only if something succeeded since the first of them failed: then the far side
// was up, and the failure is its own. Otherwise it is held; and when so many are held in a row that it can hardly be them, it is an outage.
type breaker struct {
	success atomic.Int64 // time of the last success, in nanoseconds of the Unix epoch
	held    atomic.Int64 // records held since then
}

// succeeded notes an answer of the far side.
func (b *breaker) succeeded(now time.Time) {
	b.success.Store(now.UnixNano())
	if b.held.Load() != 0 {
		b.held.Store(0)
	}
}

// exhausted notes a record whose tries, failing since then, were used up by transient failures, and says whether it is to be held.
func (b *breaker) exhausted(since time.Time) (hold bool) {
	if b.upSince(since) {
		return false
	}
	b.held.Add(1)
	return true
}

// upSince says whether anything succeeded after t.
func (b *breaker) upSince(t time.Time) bool { return b.success.Load() > t.UnixNano() }

// outage says whether at least threshold records were held since the last success.
func (b *breaker) outage(threshold int) bool { return b.held.Load() >= int64(threshold) }
