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

	seal    func() (job.Processed, error)
	heeded  bool           // the workflow wants to hear of it before the chunk ends
	ahead   *job.Processed // what it heard; the segment may be gone by then
	told    told
	longest atomic.Pointer[job.Longest]
	failure atomic.Pointer[failedRecord]
}

func newChunkRun(ctx context.Context, q job.ProcessRequest, shared *running, w *segment.Writer, reader *input.Reader) *chunkRun {
	r := &chunkRun{
		spec: q.Spec.WithDefaults(), // a workflow task of an older worker may have asked
		job:  workflowID(ctx), chunk: q.Chunk, slots: q.Slots, granted: q.Granted, shared: shared, segment: w, batch: 1,
		limit: backlog(q.Slots), rate: q.Rate, heeded: q.HeedsSealed, done: make(chan struct{}), halted: make(chan struct{}), idle: make(chan struct{}, 1), heard: make(chan struct{}, 1), reader: reader, left: w.Missing(),
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

// do runs the task and makes a panic of it a failure of the record.
func (r *chunkRun) do(ctx context.Context, rec task.Record) (res task.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = task.Fail(task.Permanent, fmt.Errorf("the task panicked: %v at %s", p, topFrame(debug.Stack())))
		}
	}()
	return r.shared.task.Do(ctx, rec)
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
