package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/longhaul/longhaul/input"
	"github.com/longhaul/longhaul/internal/metrics"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/segment"
	"github.com/longhaul/longhaul/slots"
	"github.com/longhaul/longhaul/task"
)

// chunkRun is one attempt at a chunk: the source of the work that its lane offers to the pool.
//
// A record is, at any moment, unread, in flight, in backoff, held (its tries used up, in what may be an outage), or
// in the segment.
type chunkRun struct {
	spec      job.Spec
	job       string
	chunk     job.Chunk
	slots     int
	granted   int64
	shared    *running
	lane      *slots.Lane
	share     *slots.Share   // of the rate; nil where that has no bound, or is not known yet
	rate      *job.RateShare // as granted
	rateSlots int            // slots that the share goes with
	resting   atomic.Int64   // pieces of work that wait for the rate
	segment   *segment.Writer
	batch     int // records a piece of work
	limit     int // records in backoff or held, in memory: while that many fail, more of them would only fail too

	revision atomic.Int64 // of the target that it follows
	answers  bool         // it is to say that it keeps so many slots, from then on
	keeps    int
	answerAt time.Time
	asks     sync.WaitGroup
	heard    chan struct{} // told, without blocking, when a question has been answered

	maxResult int64 // bytes; 0 is no ceiling of the worker's
	maxSlots  int   // the same

	// outageAfter is after how many held records in a row the far side counts as down.
	outageAfter int

	// ctx ends the tasks in flight.
	ctx    context.Context
	cancel context.CancelFunc
	tries  tries
	// done is closed when nothing is left to run, or fail was called.
	done chan struct{}
	once sync.Once
	// halted is closed when stopped is set.
	halted chan struct{}
	idle   chan struct{} // told, without blocking, when nothing is in flight any more

	mu       sync.Mutex
	reader   *input.Reader
	readAll  bool
	stopped  bool
	err      error
	due      []*attempt         // their backoff is over
	starved  map[*attempt]error // of those in backoff or due, the ones that this machine could not run, and why
	backoff  map[*attempt]*time.Timer
	held     []*attempt
	inFlight int
	left     int // records not in the segment
	first    firstMissing
	retries  int64
	starving int64 // tries that could not be made

	told    told
	longest atomic.Pointer[job.Longest]
	failure atomic.Pointer[failedRecord]
}

// attempt is a record between its first try and its end.
type attempt struct {
	run    *chunkRun
	index  int
	record task.Record
	round  int       // tries of this round: a held record gets another
	since  time.Time // of the round's last failure but one; of its only try where there is no such
	heldAt time.Time
	noted  int64 // by the breaker
	spent  time.Duration
	err    error // of the last try
	bad    *input.RecordError
}

// instantBatch is how many records of a task without I/O one slot runs at a time.
const instantBatch = 64

func newChunkRun(ctx context.Context, q job.ProcessRequest, shared *running, w *segment.Writer, reader *input.Reader) *chunkRun {
	r := &chunkRun{
		spec: q.Spec.WithDefaults(), // a workflow task of an older worker may have asked
		job:  workflowID(ctx), chunk: q.Chunk, slots: q.Slots, granted: q.Granted, shared: shared, segment: w, batch: 1,
		limit: backlog(q.Slots), rate: q.Rate, done: make(chan struct{}), halted: make(chan struct{}), idle: make(chan struct{}, 1), heard: make(chan struct{}, 1), reader: reader, left: w.Missing(),
		backoff: map[*attempt]*time.Timer{}, starved: map[*attempt]error{},
	}
	r.revision.Store(firstRevision(activity.GetInfo(ctx)))
	r.outageAfter = min(q.Spec.Tuning.OutageFailures, r.limit)
	if _, ok := shared.task.(task.Instant); ok && q.Spec.Rate == "" && q.Spec.Patch == nil {
		r.batch = instantBatch
	}
	var cancel context.CancelFunc
	r.ctx, cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = func() {
		cancel()
		r.tries.cancel()
	}
	r.begin()
	return r
}

// backlog bounds the records that are in backoff or held, for so many slots.
func backlog(slots int) int { return 2*slots + 16 }

// Take implements slots.Source: a record whose backoff is over, or the next ones of the chunk.
func (r *chunkRun) Take() slots.Work {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.stopped:
		return nil
	case len(r.due) > 0:
		a := r.due[0]
		r.due = r.due[1:]
		delete(r.starved, a)
		r.inFlight++
		return a
	case r.readAll || len(r.backoff)+len(r.held) >= r.limit:
		return nil
	}
	w, err := r.read()
	if err != nil {
		r.failLocked(err)
		return nil
	}
	r.checkEnd()
	return w
}

// read reads the next records that are not in the segment yet.
func (r *chunkRun) read() (slots.Work, error) {
	var b *batch
	for {
		record, index, err := r.reader.Next()
		if errors.Is(err, io.EOF) {
			r.readAll = true
			break
		}
		var bad *input.RecordError
		if err != nil && !errors.As(err, &bad) {
			return nil, err
		}
		if r.segment.Has(index) {
			continue
		}
		rec := task.Record{Number: r.spec.Number(r.chunk.First + int64(index)), JSON: r.spec.InputFormat.JSON(), Job: r.job}
		if r.batch == 1 {
			rec.Input = append([]byte(nil), record...)
			if r.spec.Patch != nil {
				if rec, err = r.retried(rec); err != nil {
					return nil, err
				}
			}
			r.inFlight++
			return &attempt{run: r, index: index, bad: bad, record: rec}, nil
		}
		if b == nil {
			b = batches.Get().(*batch)
			b.run = r
		}
		b.add(attempt{run: r, index: index, bad: bad, record: rec}, record)
		if len(b.attempts) == r.batch || b.size > maxBatchBytes {
			break
		}
	}
	if b == nil {
		return nil, nil
	}
	r.inFlight += len(b.attempts)
	return b, nil
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
		a.noted = r.shared.breaker.failed(a.noted)
	} else {
		r.shared.breaker.succeeded(now) // the far side answered
	}
	switch {
	case class != task.Permanent && a.round < r.spec.Retry.MaximumAttempts:
		r.countRetry()
		a.since = now // what succeeded before says nothing about an outage that may have begun since
		r.later(a, max(after, backoff(r.spec.Retry, a.round)))
		return f, false
	case class == task.Transient && r.shared.breaker.exhausted(a.since):
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

// do runs the task and makes a panic of it a failure of the record.
func (r *chunkRun) do(ctx context.Context, rec task.Record) (res task.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = task.Fail(task.Permanent, fmt.Errorf("the task panicked: %v at %s", p, topFrame(debug.Stack())))
		}
	}()
	return r.shared.task.Do(ctx, rec)
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

// backoff is the delay after the given try: exponential, with the upper half of it drawn at random, so that records that failed together do
// not come back together ("equal jitter", Marc Brooker, Exponential Backoff And Jitter, 2015).
func backoff(p job.Retry, try int) time.Duration {
	d := float64(p.InitialInterval)
	for range try - 1 {
		if d *= p.BackoffCoefficient; d >= float64(p.MaximumInterval) {
			break
		}
	}
	d = min(d, float64(p.MaximumInterval))
	return time.Duration(d/2 + rand.Float64()*d/2)
}

// later has the record tried again after a delay. It holds no slot until then.
func (r *chunkRun) later(a *attempt, delay time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return
	}
	r.backoff[a] = time.AfterFunc(delay, func() {
		r.mu.Lock()
		if _, ok := r.backoff[a]; ok {
			delete(r.backoff, a)
			r.due = append(r.due, a)
		}
		r.mu.Unlock()
		r.lane.Wake()
	})
}

// putBack has a record that was not tried taken again.
func (r *chunkRun) putBack(a *attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return
	}
	r.due = slices.Insert(r.due, 0, a)
	r.lane.Wake()
}

// hold keeps a record whose tries are used up until it is known whether the far side is down.
func (r *chunkRun) hold(a *attempt, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.heldAt = now
	r.held = append(r.held, a)
}

// batch is records of an instant task, run one after the other in one slot and written at once.
type batch struct {
	run      *chunkRun
	attempts []attempt // never moved: attempts that are tried again are pointed to
	size     int       // of the records, in bytes
	bytes    []byte    // of the last records
	frames   []segment.Frame
}

// batches are used again once all their records are in the segment, which keeps none of them.
var batches = sync.Pool{New: func() any {
	return &batch{attempts: make([]attempt, 0, instantBatch), frames: make([]segment.Frame, 0, instantBatch)}
}}

// maxBatchBytes is the input above which a batch takes no more records.
const maxBatchBytes = 256 << 10

func (b *batch) add(a attempt, record []byte) {
	if len(b.bytes)+len(record) > cap(b.bytes) {
		b.bytes = make([]byte, 0, max(4<<10, len(record))) // the records before keep the old one
	}
	b.size += len(record)
	start := len(b.bytes)
	b.bytes = append(b.bytes, record...)
	a.record.Input = b.bytes[start:len(b.bytes):len(b.bytes)]
	b.attempts = append(b.attempts, a)
}

// Run implements slots.Work.
func (b *batch) Run() {
	var latency metrics.Counts
	for i := range b.attempts {
		f, done, took := b.attempts[i].try()
		if took > 0 {
			latency.Observe(took)
		}
		if done {
			b.frames = append(b.frames, f)
		}
	}
	b.run.tellTries(&latency)
	done := len(b.frames)
	if err := b.run.segment.Append(b.frames...); err != nil {
		b.run.fail(err)
		done = 0
	}
	b.run.landed(len(b.attempts), done)
	if done == len(b.attempts) {
		b.recycle()
	}
}

func (b *batch) recycle() {
	if cap(b.bytes) > maxBatchBytes {
		b.bytes = nil
	}
	clear(b.attempts)
	clear(b.frames)
	b.run, b.attempts, b.size, b.bytes, b.frames = nil, b.attempts[:0], 0, b.bytes[:0], b.frames[:0]
	batches.Put(b)
}
