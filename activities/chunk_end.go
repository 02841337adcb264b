package activities

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/longhaul/longhaul/job"
)

// landed notes that n records are no longer in flight and that the segment has done of them, and whether that is the end.
func (r *chunkRun) landed(n, done int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight -= n
	r.left -= done
	if r.inFlight == 0 {
		select {
		case r.idle <- struct{}{}:
		default:
		}
	}
	if len(r.held) > 0 && !r.stopped {
		if err := r.settle(); err != nil {
			r.failLocked(err)
		}
	}
	if r.left == 0 && !r.readAll && !r.stopped {
		// No slot may come by to find the end: those of a chunk that has ended may have run these records, and this one may have none.
		if _, err := r.read(); err != nil {
			r.failLocked(err)
		}
	}
	r.checkEnd()
}

// checkEnd ends the run when there is nothing left to run but what is held, or when what is held shows an outage.
func (r *chunkRun) checkEnd() {
	if r.inFlight+len(r.backoff)+len(r.due) == 0 && (r.readAll || len(r.held) >= r.limit) ||
		len(r.held) > 0 && r.shared.breaker.outage(r.outageAfter) {
		r.finished()
	}
}

// settle decides about those held records since whose last try something succeeded: after an outage they are tried anew, else
// they have failed.
func (r *chunkRun) settle() error {
	kept := r.held[:0]
	for i, a := range r.held {
		switch {
		case !r.shared.breaker.upSince(a.heldAt):
			kept = append(kept, a)
		case r.shared.breaker.wasOutage(a.noted):
			a.round = 0
			r.due = append(r.due, a)
		default:
			if err := r.giveUp(a); err != nil {
				r.held = append(kept, r.held[i:]...)
				return err
			}
		}
	}
	if len(kept) < len(r.held) {
		r.lane.Wake() // for the due ones, and since there is room for further records
	}
	r.held = kept
	return nil
}

// giveUp writes a held record down as failed.
func (r *chunkRun) giveUp(a *attempt) error {
	f, err := a.failure(a.err)
	if err != nil {
		return err
	}
	if err := r.segment.Append(f); err != nil {
		return err
	}
	r.left--
	return nil
}

// join brings the chunk's slots to the pool, no more than it can use. One that must ask first brings none yet: what it was granted may be in use elsewhere by now.
func (r *chunkRun) join() {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(r.slots, r.left)
	if r.revision.Load() == unasked {
		n = 0
	}
	r.shared.asked.begins(r.revision.Load())
	if r.revision.Load() != unasked {
		r.shared.resizeTask(max(r.spec.Concurrency, r.shared.asked.concurrency())) // the task may have been made for an earlier chunk
	}
	r.lane = r.shared.pool.Join(r.chunk.First, n, r)
}

func (r *chunkRun) finished() { r.once.Do(func() { close(r.done) }) }

// fail ends the run with an error of its own, as of the disk.
func (r *chunkRun) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failLocked(err)
}

func (r *chunkRun) failLocked(err error) {
	r.stopLocked(err)
	r.finished()
}

// stop lets no further try begin. The first reason given is the run's.
func (r *chunkRun) stop(reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopLocked(reason)
}

func (r *chunkRun) stopLocked(reason error) {
	if r.err == nil {
		r.err = reason
	}
	r.halt()
	for a, t := range r.backoff {
		t.Stop()
		delete(r.backoff, a)
	}
}

// end waits until no task of the chunk is in flight; after the grace it makes them give up.
func (r *chunkRun) end(grace time.Duration) {
	r.mu.Lock()
	r.halt()
	for a, t := range r.backoff {
		t.Stop()
		delete(r.backoff, a)
	}
	r.mu.Unlock()
	t := time.NewTimer(grace)
	defer t.Stop()
	for r.flying() > 0 {
		select {
		case <-r.idle:
		case <-t.C:
			r.cancel()
		}
	}
	r.cancel()
}

// sealedAfter is how long a chunk that is done waits for slots that it lent before it tells the workflow that it is.
const sealedAfter = 500 * time.Millisecond

// leave takes the chunk's slots out of the pool, and waits for those that are lent. A chunk that is done need not keep the output waiting meanwhile.
func (r *chunkRun) leave(ctx context.Context) {
	left := make(chan struct{})
	go func() {
		r.lane.Leave()
		close(left)
	}()
	t := time.NewTimer(sealedAfter)
	defer t.Stop()
	select {
	case <-left:
		return
	case <-t.C:
	}
	r.mu.Lock()
	done := r.left == 0 && r.err == nil && r.heeded
	r.mu.Unlock()
	if done {
		r.tellDone(ctx)
	}
	<-left
}

// tellDone seals the segment and has it committed. Where that cannot be, it is when the chunk ends.
func (r *chunkRun) tellDone(ctx context.Context) {
	p, err := r.seal()
	if err == nil {
		err = signal(ctx, job.SignalChunkSealed, job.ChunkSealed{First: r.chunk.First, Granted: r.granted, Processed: p})
	}
	if err != nil {
		activity.GetLogger(ctx).Warn("the output waits for slots that are lent", "error", err)
		return
	}
	r.mu.Lock()
	r.ahead = &p
	r.mu.Unlock()
}

func (r *chunkRun) flying() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inFlight
}

// result says how the run ended: nil where every record is in the segment. attempt is the one that may end with an outage, from 1.
func (r *chunkRun) result(attempt int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	b := r.shared.breaker
	outage := b.outage(r.outageAfter) || b.lasts()
	ended := r.left > len(r.held) // before its end, for an outage
	for _, a := range r.held {
		// A success since then, while slots that were lent came back, has ended an outage, or tells that there was none.
		if outage || attempt < r.spec.Tuning.OutageAttempts || b.upSince(a.heldAt) && (ended || b.wasOutage(a.noted)) {
			return &job.Error{
				Kind: job.Outage, Op: "process",
				Err: fmt.Errorf("the far side seems to be down, tries used up with no success between: %d; record %d: %w",
					b.held.Load(), a.record.Number, a.err),
			}
		}
	}
	for _, a := range r.held {
		if err := r.giveUp(a); err != nil {
			return err
		}
	}
	if r.left > 0 {
		return fmt.Errorf("%d records of %s were not run", r.left, r.chunk)
	}
	return nil
}

// unfinished returns how many records are not in the segment.
func (r *chunkRun) unfinished() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left
}

// draining says whether every record has been handed out for its first try.
func (r *chunkRun) draining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.readAll
}

func workflowID(ctx context.Context) string { return activity.GetInfo(ctx).WorkflowExecution.ID }

// topFrame is the place in the code where a panic began, from its stack.
func topFrame(stack []byte) string {
	_, after, found := bytes.Cut(stack, []byte("panic.go:"))
	lines := bytes.Split(after, []byte{'\n'})
	if !found || len(lines) < 3 {
		return "an unknown place"
	}
	return string(bytes.TrimSpace(lines[2]))
}
