package activities

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/longhaul/longhaul/input"
	"github.com/longhaul/longhaul/segment"
	"github.com/longhaul/longhaul/task"
)

// attempt is a record between its first try and its end.
type attempt struct {
	run    *chunkRun
	index  int
	record task.Record
	round  int       // tries of this round: a held record gets another
	since  time.Time // of the round's last failure but one; of its only try where there is no such
	began  time.Time // the last try
	heldAt time.Time
	noted  int64 // by the breaker
	spared int   // tries that an outage ended in
	spent  time.Duration
	err    error // of the last try
	bad    *input.RecordError
}

// Run implements slots.Work: one try of the record.
func (a *attempt) Run() {
	f, done, took := a.try()
	a.run.tellTry(took)
	if done {
		if err := a.run.segment.Append(f); err != nil {
			a.run.fail(err)
			done = false
		}
	}
	if done {
		a.run.landed(1, 1)
	} else {
		a.run.landed(1, 0)
	}
}

// try runs the task once, and answers the record's frame where that is the end of it; where it is not, another slot may have the record by now. took is how
// long the task took, and 0 where it was not run.
func (a *attempt) try() (f segment.Frame, done bool, took time.Duration) {
	r := a.run
	if a.bad != nil {
		f, done = a.failed(a.bad)
		return f, done, 0
	}
	if !r.mayBegin() {
		r.putBack(a)
		return f, false, 0
	}
	a.record.Try++
	a.round++
	start := time.Now()
	ctx, over := r.ctx, func() {}
	if r.batch == 1 { // an instant task needs no deadline
		t := newTry(r.ctx, &r.tries, start.Add(time.Duration(r.spec.Timeout)))
		ctx, over = t, func() { t.end(context.Canceled) }
	}
	if a.round == 1 {
		a.since = start
	}
	a.began = start
	res, err := r.do(ctx, a.record)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		class, _ := task.Classify(err)
		if class == task.Permanent {
			class = task.Transient // what the task makes of being cut off
		}
		err = task.Fail(class, fmt.Errorf("no answer within %s", r.spec.Timeout))
	}
	over()
	now := time.Now()
	took = now.Sub(start)
	a.spent += took
	if a.spent >= longEnough {
		r.tellLong(a)
	}
	f, done = a.judge(res, err, now)
	return f, done, took
}

// judge decides what becomes of the record after a try that ended now.
func (a *attempt) judge(res task.Result, err error, now time.Time) (f segment.Frame, done bool) {
	r := a.run
	if err == nil {
		r.shared.breaker.succeeded(now)
		return a.finish(res)
	}
	if r.ctx.Err() != nil {
		return f, false // given up with the run, not failed
	}
	class, after := task.Classify(err)
	if class == task.Starved {
		a.starve(err)
		return f, false
	}
	a.err = err
	if class == task.Transient {
		a.noted = r.shared.breaker.failed(a.record.Number, a.noted)
	} else {
		r.shared.breaker.succeeded(now) // the far side answered
	}
	switch {
	case class != task.Permanent && a.round < r.spec.Retry.MaximumAttempts:
		r.countRetry()
		a.since = now // what succeeded before says nothing about an outage that may have begun since
		r.later(a, max(after, backoff(r.spec.Retry, a.round)))
		return f, false
	case class == task.Transient && a.spared < r.spec.Tuning.OutageAttempts && r.shared.breaker.overSince(a.began):
		a.spared++
		r.countRetry()
		a.round-- // the try may have met the outage
		a.since = now
		r.later(a, max(after, backoff(r.spec.Retry, a.round+1)))
		return f, false
	case class == task.Transient && r.shared.breaker.exhausted(a.record.Number, a.since):
		r.hold(a, now)
		return f, false
	}
	return a.failed(err)
}

// starvedPause is how long a record waits that this machine had no file handle, or no process, for.
const starvedPause = 500 * time.Millisecond

// starve has a record that this machine could not run tried again, for as long as it takes. It has cost no try.
func (a *attempt) starve(cause error) {
	a.record.Try--
	a.round--
	a.run.mu.Lock()
	a.run.starved[a] = cause
	a.run.starving++
	a.run.mu.Unlock()
	a.run.later(a, starvedPause/2+rand.N(starvedPause/2))
}

// finish makes a result the record's frame.
func (a *attempt) finish(res task.Result) (segment.Frame, bool) {
	if most := a.run.maxResult; most > 0 && int64(len(res.Value)) > most {
		return a.failed(fmt.Errorf("the result has %d bytes, more than this worker allows, which is %d", len(res.Value), most))
	}
	b, err := a.line(res)
	if err != nil {
		return a.failed(err)
	}
	return a.frame(segment.Result, b), true
}

// failed makes an error the record's frame.
func (a *attempt) failed(cause error) (segment.Frame, bool) {
	f, err := a.failure(cause)
	if err != nil {
		a.run.fail(err)
	}
	return f, err == nil
}

func (a *attempt) failure(cause error) (segment.Frame, error) {
	a.run.failure.Store(&failedRecord{a.record.Number, cause})
	b, err := a.errorLine(cause)
	return a.frame(segment.Failure, b), err
}

func (a *attempt) frame(s segment.Status, payload []byte) segment.Frame {
	return segment.Frame{Index: a.index, Status: s, Tries: a.record.Try, Micros: a.spent.Microseconds(), Payload: payload}
}
