package activities

import (
	"sync"
	"sync/atomic"
	"time"
)

// breaker tells an outage of the far side from the failure of single records, for all chunks of a job on this worker.
//
// A row of failures is the transient ones between two successes. A record whose tries were used up by transient failures has failed for good
// if something succeeded since its last failure but one: the far side was up then. Otherwise it is held. A success settles what is held: after a
// short row it was the records' own failure, after a long one an outage, and they are tried anew. When many are held it is an
// outage that lasts. A try that was under way when an outage ended tells nothing either.
type breaker struct {
	many int64 // failing records that make a row long

	success atomic.Int64 // time of the last success, in nanoseconds of the Unix epoch
	row     atomic.Int64 // number of the row, from 0
	failing atomic.Int64 // records in the row, no more of them counted than make it long
	held    atomic.Int64 // times that one was held in it
	long    atomic.Int64 // number of the last long row, plus 1
	over    atomic.Int64 // time of the success that ended it

	mu      sync.Mutex
	records map[int64]struct{} // those counted: a later attempt at a chunk tries them again
	usedUp  map[int64]struct{} // those of them that were held, no more than make a row long
}

// succeeded notes an answer of the far side. It ends the row, if there is one.
func (b *breaker) succeeded(now time.Time) {
	if !b.calm() {
		b.end(now)
	}
	b.success.Store(now.UnixNano()) // last: who sees it sees what kind of row it ended
}

// end ends the row.
func (b *breaker) end(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.calm() {
		return // another success has
	}
	row := b.row.Add(1) // which is the number of the one that ends, plus 1
	clear(b.records)
	clear(b.usedUp)
	if b.failing.Load() >= b.many {
		b.long.Store(row)
		b.over.Store(now.UnixNano())
	}
	b.held.Store(0)
	b.failing.Store(0)
}

// calm says whether nothing has failed since the last success.
func (b *breaker) calm() bool { return b.failing.Load() == 0 && b.held.Load() == 0 }

// failed notes a transient failure of a record, which counts once in a row: noted is what the call before returned for it, at first 0.
func (b *breaker) failed(record, noted int64) int64 {
	if row := b.row.Load() + 1; noted == row {
		return row
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.records == nil {
		b.records = map[int64]struct{}{}
	}
	if b.failing.Load() < b.many {
		b.records[record] = struct{}{}
		b.failing.Store(int64(len(b.records)))
	}
	return b.row.Load() + 1
}

// exhausted says whether to hold the record whose tries, the last but one of which failed at since, were used up by transient failures.
func (b *breaker) exhausted(record int64, since time.Time) (hold bool) {
	if b.upSince(since) {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held.Add(1)
	if b.usedUp == nil {
		b.usedUp = map[int64]struct{}{}
	}
	if int64(len(b.usedUp)) < b.many {
		b.usedUp[record] = struct{}{}
	}
	return true
}

// upSince says whether anything succeeded after t.
func (b *breaker) upSince(t time.Time) bool { return b.success.Load() > t.UnixNano() }

// overSince says whether an outage has ended after t.
func (b *breaker) overSince(t time.Time) bool { return b.over.Load() > t.UnixNano() }

// wasOutage says whether a record that was noted last as given failed in a long row. It is asked once that row is over.
func (b *breaker) wasOutage(noted int64) bool { return b.long.Load() >= noted }

// lasts says whether so many records have been held in the row that goes on, in whatever attempts at their chunks, that it is an outage.
func (b *breaker) lasts() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int64(len(b.usedUp)) >= b.many
}

// outage says whether at least n records are held in the row that goes on.
func (b *breaker) outage(n int) bool { return b.held.Load() >= int64(n) }
