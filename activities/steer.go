package activities

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// The cap, the rate and the pause of a job can be changed while its chunks run. The workflow reckons what each chunk is to have; the chunks ask it. See
// docs/decisions/0006.

const (
	// askEvery is how often the chunks of a job on one worker together ask what they shall have: a change holds about as much later.
	askEvery = time.Second
	// askTimeout bounds one question, and one answer.
	askTimeout = 5 * time.Second
	// late is after how long in its queue a chunk asks before it begins.
	late = 500 * time.Millisecond
)

// unasked is the revision of a chunk that must ask before it begins: much may have changed since it was granted its slots.
const unasked = -1

// asked is what the chunks of a job on this worker know of their targets. The zero asked knows nothing, and asks at once.
type asked struct {
	mu       sync.Mutex
	asking   bool
	all      bool      // to be asked for next: a chunk has joined that must be told of
	next     time.Time // when to ask again
	run      string    // of the workflow that answered
	revision int64
	chunks   map[grant]job.Target
	cap      int
	older    bool  // the workflow is one that knows of no targets
	err      error // of the last question
}

// grant names a chunk's slots.
type grant struct{ first, granted int64 }

// begins sees to it that a chunk that joins is asked for when it must be.
func (g *asked) begins(revision int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch now := time.Now(); {
	case revision == unasked:
		g.all, g.next = true, now
	case g.next.IsZero():
		g.next = now.Add(askEvery)
	}
}

// due says whether to ask now, and since which revision of a run.
func (g *asked) due(run string) (since int64, yes bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.asking || now.Before(g.next) {
		return 0, false
	}
	since = unasked
	if g.run == run && !g.all {
		since = g.revision
	}
	g.asking, g.all, g.next = true, false, now.Add(askEvery)
	return since, true
}

// answered takes note of an answer to a question about what changed since a revision.
func (g *asked) answered(run string, since int64, t job.Targets, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var refused *serviceerror.QueryFailed
	g.asking, g.err = false, err
	g.older = errors.As(err, &refused) && strings.Contains(refused.Error(), "unknown queryType") // the SDK's words; others are of a workflow that cannot go on
	if err != nil || t.Revision == since {
		return
	}
	g.cap = t.Concurrency
	g.run, g.revision, g.chunks = run, t.Revision, make(map[grant]job.Target, len(t.Chunks))
	for _, c := range t.Chunks {
		g.chunks[grant{c.First, c.Granted}] = c
	}
}

// target is what a chunk shall have, as far as is known.
func (g *asked) target(c grant) (t job.Target, known, older bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, known = g.chunks[c]
	return t, known, g.older
}

// concurrency is the job's, as far as is known.
func (g *asked) concurrency() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cap
}

// trouble is why nobody has answered yet.
func (g *asked) trouble() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// firstRevision is what an attempt at a chunk knows of its target: that it is as granted, where it was granted just now.
func firstRevision(info activity.Info) int64 {
	if info.Attempt > 1 || info.StartedTime.Sub(info.ScheduledTime) > late {
		return unasked
	}
	return 0
}

// follow asks what the chunk shall have, if it is time to, does what it knows, and says so when it is done.
func (r *chunkRun) follow(ctx context.Context) {
	r.ask(ctx)
	t, known, older := r.shared.asked.target(grant{r.chunk.First, r.granted})
	switch revision := r.revision.Load(); {
	case known && t.Revision != revision:
		r.obey(t)
	case !known && older && revision == unasked:
		r.obey(job.Target{Slots: r.slots, Rate: r.rate})
	}
	r.answer(ctx)
}

// answer tells the workflow what the chunk keeps of its slots, where it is to: when no more runs on this worker than that leaves. Nothing waits for that
// here: a slot that another lane took at that moment comes back when its task ends, and till then the chunk is to hear of a pause or a cancellation.
func (r *chunkRun) answer(ctx context.Context) {
	if r.answers && r.shared.pool.Settled() && time.Now().After(r.answerAt) {
		r.answers = !r.returned(ctx, r.keeps)
		r.answerAt = time.Now().Add(askEvery)
	}
}

func (r *chunkRun) ask(ctx context.Context) {
	info := activity.GetInfo(ctx)
	run := info.WorkflowExecution.RunID
	since, yes := r.shared.asked.due(run)
	if !yes {
		return
	}
	r.asks.Go(func() {
		within, cancel := context.WithTimeout(r.ctx, askTimeout)
		defer cancel()
		var t job.Targets
		v, err := activity.GetClient(ctx).QueryWorkflow(within, info.WorkflowExecution.ID, run, job.QueryTargets, since)
		if err == nil {
			err = v.Get(&t)
		}
		r.shared.asked.answered(run, since, t, err)
		select {
		case r.heard <- struct{}{}:
		default:
		}
	})
}

// obey has the chunk go on with what it shall have, but with no more slots than records.
func (r *chunkRun) obey(t job.Target) {
	r.mu.Lock()
	left := r.left
	r.limit = max(r.limit, backlog(t.Slots))
	r.mu.Unlock()
	if left == 0 {
		return
	}
	keeps, less := min(t.Slots, left), r.lane.Slots()
	if r.maxSlots > 0 {
		keeps = min(keeps, r.maxSlots) // whatever was set: the workflow heard of another worker's ceiling, if of any
	}
	r.resizeRate(t.Rate, keeps, t.Slots)
	if n := r.shared.asked.concurrency(); n > 0 { // not of an older workflow, which does not say
		r.shared.resizeTask(n)
	}
	r.lane.Resize(keeps)
	if keeps < less {
		r.shared.rate.Interrupt() // what waits for the rate may be more than there are slots for
	}
	r.revision.Store(t.Revision)
	r.answers, r.keeps, r.answerAt = t.Answer || keeps < t.Slots, keeps, time.Time{}
}

// resizeTask tells the task of a job how many may be in flight.
func (r *running) resizeTask(concurrency int) {
	if t, ok := r.task.(task.Resizable); ok {
		t.Resize(concurrency)
	}
}

// returned tells the workflow that the chunk has given back all but so many of its slots, and whether it could.
func (r *chunkRun) returned(ctx context.Context, keeps int) bool {
	err := signal(ctx, job.SignalSlotsReturned, job.SlotsReturned{First: r.chunk.First, Granted: r.granted, Keep: keeps, Revision: r.revision.Load()})
	if err != nil {
		activity.GetLogger(ctx).Warn("slots could not be given back; they stay unused until the chunk ends, or it can tell", "error", err)
	}
	return err == nil
}

// signal tells the activity's own workflow.
func signal(ctx context.Context, name string, arg any) error {
	id := activity.GetInfo(ctx).WorkflowExecution
	within, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return activity.GetClient(ctx).SignalWorkflow(within, id.ID, id.RunID, name, arg)
}
