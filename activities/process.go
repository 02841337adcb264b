package activities

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/input"
	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/segment"
)

// ProcessChunk implements job.Activities.
func (a *Activities) ProcessChunk(ctx context.Context, q job.ProcessRequest) (job.Processed, error) {
	p, err := a.processChunk(ctx, q)
	fault.Point(job.ActivityProcessChunk)
	return p, failure(err)
}

func (a *Activities) processChunk(ctx context.Context, q job.ProcessRequest) (job.Processed, error) {
	begun := time.Now()
	if err := a.Guard.Chunk(q); err != nil {
		return job.Processed{}, err
	}
	out := a.output(q.Spec.Output)
	var current atomic.Pointer[chunkRun]
	var outages atomic.Int64
	outages.Store(outagesBefore(ctx))
	details := func() job.Heartbeat {
		h := current.Load().progress()
		h.Outages = outages.Load()
		return h
	}
	stop := heartbeat(ctx, func() any { return details() })
	defer stop()

	m, err := a.claimed(ctx, out)
	if err != nil {
		return job.Processed{}, err
	}
	if m.Committed(q.Chunk) {
		return job.Processed{Committed: true}, nil
	}
	in, err := input.Open(a.layout(out, m))
	if err != nil {
		return job.Processed{}, err
	}
	defer in.Close()
	reader, err := in.Reader(q.Chunk)
	if err != nil {
		return job.Processed{}, err
	}
	w, err := segment.Open(ctx, a.fs(), out.Segments(), segment.Generation(m.GenerationBytes()), q.Chunk)
	if err != nil {
		return job.Processed{}, unknownVersion(out, err)
	}
	defer w.Close()
	// While the segment's lock was waited for, another run may have claimed the output, or this chunk may have been committed and its segment removed.
	if m, err = a.claimed(ctx, out); err != nil {
		return job.Processed{}, err
	}
	if m.Committed(q.Chunk) {
		return job.Processed{Committed: true}, a.fs().Remove(filepath.Join(out.Segments(), segment.Name(q.Chunk)))
	}
	ran, tokens := w.Missing(), saved(ctx, q)
	seal := func() (job.Processed, error) {
		sum, err := w.Seal()
		if err != nil {
			return job.Processed{}, err
		}
		p := job.Processed{
			Failed: sum.Failed, Bytes: sum.Bytes, TaskMicros: sum.TaskMicros, Ran: ran, ElapsedMicros: time.Since(begun).Microseconds(),
		}
		current.Load().remarkable(&p)
		return p, nil
	}
	if ran > 0 {
		key := shareKey(ctx, q.Spec)
		id := activity.GetInfo(ctx).WorkflowExecution
		shared, err := a.acquire(key, id.ID, id.RunID, q.Spec)
		if err != nil {
			return job.Processed{}, err
		}
		defer a.release(key, shared)
		run := newChunkRun(ctx, q, shared, w, reader)
		run.maxResult, run.maxSlots = a.Guard.MaxResult(), a.Guard.MaxConcurrency()
		current.Store(run)
		run.joinRate(ctx, q)
		run.seal = seal
		err = a.run(ctx, run, int(outages.Load())+1)
		tokens = run.leaveRate()
		if err != nil {
			var e *job.Error
			if errors.As(err, &e) && e.Kind == job.Outage {
				outages.Add(1)
				run.tellOutage()
				activity.RecordHeartbeat(ctx, details())
			}
			if errors.Is(err, input.ErrMismatch) { // what the segment holds may answer other records than those listed
				err = errors.Join(err, a.fs().Remove(filepath.Join(out.Segments(), segment.Name(q.Chunk))))
			}
			return job.Processed{}, err
		}
	}
	var p job.Processed
	if run := current.Load(); run != nil && run.ahead != nil {
		p = *run.ahead // it may be committed, and its segment gone
	} else if p, err = seal(); err != nil {
		return job.Processed{}, err
	}
	p.Tokens = tokens
	current.Load().tellSealed()
	return p, nil
}

// shareKey tells which chunks share a pool and a task: those of one job. The task is part of it, since a chunk of a job that was ended may still run
// when the next job, of the same workflow id, begins with other arguments.
func shareKey(ctx context.Context, s job.Spec) string {
	info := activity.GetInfo(ctx)
	return info.Namespace + "/" + info.WorkflowExecution.ID + "/" + s.Task.Name + string(s.Task.Args) + s.SelectInput + "|" + s.Select
}

// unknownVersion words the error of a segment that this program must not touch. It returns any other as it is.
func unknownVersion(out output.Output, err error) error {
	if !errors.Is(err, segment.ErrVersion) {
		return err
	}
	return &job.Error{
		Kind: job.UnknownVersion, Op: "read segment", Path: out.Segments(), Err: err,
		Hint: "use the longhaul that wrote it, or remove it: its records run again",
	}
}

const (
	// drainTick is how often a chunk looks whether it drains while slots are idle.
	drainTick = 50 * time.Millisecond
	// giveBackMany and giveBackFew are for how many ticks slots of the pool must be idle before a chunk that drains gives its own back: a quarter of them and
	// more at once, since each time costs a sync and a signal, or whatever there is.
	giveBackMany, giveBackFew = 2, 20
)

// run runs the chunk's missing records to the end, or until it is told to stop or must. attempt counts those that ended with an outage, this one included.
func (a *Activities) run(ctx context.Context, r *chunkRun, attempt int) error {
	r.join()
	defer r.asks.Wait() // which end with the run's context
	if r.revision.Load() == unasked {
		r.follow(ctx)
	}
	t := time.NewTicker(drainTick)
	defer t.Stop()
	idle := 0
	for running := true; running; {
		select {
		case <-r.done:
			running = false
		case <-ctx.Done():
			r.stop(r.toldToStop(ctx))
			running = false
		case <-activity.GetWorkerStopChannel(ctx):
			r.stop(&job.Error{Kind: job.Interrupted, Op: "process", Err: fmt.Errorf("the worker stops with %d of %s unfinished", r.unfinished(), r.chunk)})
			running = false
		case <-r.heard:
			r.follow(ctx)
		case <-t.C:
			r.tell()
			r.follow(ctx)
			if idle = r.drainTicks(idle); idle >= giveBackMany && r.giveBack(ctx, idle >= giveBackFew) {
				idle = 0
			}
		}
	}
	r.end(a.StopTimeout)
	r.leave(ctx)
	defer r.tell()
	return r.result(attempt)
}

// toldToStop says why the activity is to stop: canceled with the workflow, or else in words, for people who look why it is tried again.
func (r *chunkRun) toldToStop(ctx context.Context) error {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, context.Canceled), temporal.IsCanceledError(cause):
		return ctx.Err()
	case errors.Is(cause, activity.ErrActivityPaused), errors.Is(cause, activity.ErrActivityReset):
	default:
		cause = fmt.Errorf("the server does not take the heartbeats: %w", cause)
	}
	return &job.Error{Kind: job.Interrupted, Op: "process", Err: fmt.Errorf("%w, with %d of %s unfinished", cause, r.unfinished(), r.chunk)}
}

// outagesBefore is how many attempts at the chunk ended with an outage, as the last of them left it in its heartbeat. Attempts that ended
// otherwise, as with their worker, tell nothing about the far side.
func outagesBefore(ctx context.Context) int64 {
	var h job.Heartbeat
	if !activity.HasHeartbeatDetails(ctx) || activity.GetHeartbeatDetails(ctx, &h) != nil {
		return 0
	}
	return h.Outages
}

// drainTicks counts the ticks in a row at which the chunk has slots to spare that nothing on this worker can use.
func (r *chunkRun) drainTicks(ticks int) int {
	if !r.answers && r.draining() && r.shared.pool.Idle() > 0 && r.lane.Slots() > r.unfinished() {
		return ticks + 1
	}
	return 0
}

// giveBack gives the slots that the chunk cannot use any more back to the workflow, few ones only where that is asked, and says whether it did. See
// docs/decisions/0002.
func (r *chunkRun) giveBack(ctx context.Context, few bool) bool {
	unfinished, have := r.unfinished(), r.lane.Slots()
	keep := max(unfinished, have-r.shared.pool.Idle()) // what is lent comes back later: to wait for it would hold up what is idle
	if unfinished == 0 || keep >= have || !few && 4*(have-keep) < have {
		return false
	}
	r.lane.Resize(keep)
	r.keepRate(keep)
	r.answers, r.keeps, r.answerAt = true, keep, time.Time{}
	r.answer(ctx)
	return true
}
