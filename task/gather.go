package task

import (
	"context"
	"encoding/json"
	"sync"
	"time"
)

// gatherer brings records that are in flight at once together into batches.
type gatherer struct {
	call func(context.Context, []member) []outcome

	mu    sync.Mutex
	limit int
	open  *gathering
}

// member is one record of a batch.
type member struct {
	key   string
	input json.RawMessage
	again bool
}

type outcome struct {
	result Result
	err    error
}

// gathering is a batch that takes records, and then the call for it.
type gathering struct {
	members  []member
	bytes    int
	timer    *time.Timer
	ctx      context.Context
	cancel   context.CancelCauseFunc
	end      context.CancelFunc
	waiting  int // members that still wait for the outcome
	outcomes []outcome
	done     chan struct{}
}

func newGatherer(limit int, call func(context.Context, []member) []outcome) *gatherer {
	return &gatherer{limit: limit, call: call}
}

// resize raises how many records make a batch full.
func (g *gatherer) resize(limit int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = max(g.limit, limit)
}

// do puts a record into a batch and waits for its part of the outcome.
func (g *gatherer) do(ctx context.Context, m member) (Result, error) {
	b, i := g.add(ctx, m)
	select {
	case <-b.done:
		return b.outcomes[i].result, b.outcomes[i].err
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if b.waiting--; b.waiting == 0 {
		b.cancel(ctx.Err())
	}
	return Result{}, Fail(Retryable, ctx.Err())
}

// add puts a record into the open batch, which begins when it is full, or some time after its first record.
func (g *gatherer) add(ctx context.Context, m member) (*gathering, int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open != nil && g.open.bytes+len(m.input)+1 > maxPayload {
		g.begin()
	}
	if g.open == nil {
		b := &gathering{done: make(chan struct{})}
		whole := context.WithoutCancel(ctx)
		b.end = func() {}
		if at, ok := ctx.Deadline(); ok {
			whole, b.end = context.WithDeadline(whole, at)
		}
		b.ctx, b.cancel = context.WithCancelCause(whole)
		b.timer = time.AfterFunc(gatherFor, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.open == b {
				g.begin()
			}
		})
		g.open = b
	}
	b := g.open
	b.members = append(b.members, m)
	b.bytes += len(m.input) + 1
	b.waiting++
	if len(b.members) == g.limit {
		g.begin()
	}
	return b, len(b.members) - 1
}

// begin calls for the open batch. The lock is held.
func (g *gatherer) begin() {
	b := g.open
	g.open = nil
	b.timer.Stop()
	go func() {
		b.outcomes = g.call(b.ctx, b.members)
		b.cancel(nil)
		b.end()
		close(b.done)
	}()
}
