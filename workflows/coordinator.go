package workflows

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/longhaul/longhaul/job"
)

// coordinator is the state of one run. Chunks go from queue to running to ready to the output; the cursor is where listing goes on.
//
//	position <= ready, running < queue <= cursor
type coordinator struct {
	spec    rated
	raw     json.RawMessage
	carried Carried

	root       workflow.Context
	work       workflow.Context // of listing and processing: ended by a failure and by the workflow's cancellation
	cancelWork workflow.CancelFunc
	commit     workflow.Context // of appending: what is ready is committed whatever happens

	returned, seals, pauses, resumes, sets workflow.ReceiveChannel // signals
	woken                                  workflow.Channel        // by updates
	refused                                string                  // why the last signal was

	position   job.Position
	ahead      job.Ahead // committed beyond it, in the order of completion
	totals     job.Totals
	digest     string
	inputBytes int64
	complete   bool

	leftovers []job.Segment // of former runs, from the cursor on
	cursor    cursor
	listedAll bool
	queue     []queued
	running   []*lane
	ready     []job.Segment // sorted

	control    job.Control
	ceiling    int     // of its concurrency, as the worker says that prepared the job; 0 is none
	free       share   // not handed out; less than nothing while lanes are to give some back
	freeTokens float64 // tries saved up, and not handed out
	steered    bool    // lanes are still to get what they should have
	anew       bool    // all of them
	revision   int64   // of the lanes' targets

	listing    workflow.Future
	listedSize int // records that a chunk of the queue may have
	lastListed int // records of the chunk before the cursor, where it was listed
	appending  workflow.Future
	appended   job.AppendRequest
	appendedAt time.Time       // when the last append was begun
	pause      workflow.Future // until the next append may begin; nil while none waits for it

	budgeted bool   // the Spec says what may fail
	static   string // what its first run's page says of the job
	marks    []mark // of how much was done when, in the last minute

	activities int
	stopping   bool // nothing new is listed or processed
	closed     bool // nothing more is appended
	err        error
}

// cursor is the place in the input at which the record before it ends, or at which it begins itself.
type cursor struct {
	record, offset int64
	atRecord       bool
}

// queued is a chunk that waits for slots.
type queued struct {
	job.Chunk
	leftover bool // it has a segment, so that its boundaries must stay
}

// lane is a chunk being processed.
type lane struct {
	chunk    job.Chunk
	held     share // what the chunk may be using
	target   share // what it is to have
	most     int   // slots that it can use
	revision int64 // of the target
	since    time.Time
	sealed   bool // it is done, and waits for slots that it lent
	result   workflow.Future
}

const (
	// appendChunks and appendBytes bound one append.
	appendChunks = 256
	appendBytes  = 1 << 30
	// appendEvery is how often segments are appended at most, before the last ones: small chunks end by the dozen, and an append syncs the output,
	// and costs the server, for one as for many.
	appendEvery = time.Second
)

// begin takes up the output where it stands.
func (c *coordinator) begin(p job.Prepared) {
	c.position, c.totals, c.digest, c.complete = p.Position, p.Totals, p.OutputDigest, p.Complete
	c.inputBytes, c.ceiling = p.InputBytes, p.MaxConcurrency
	c.cursor = cursor{record: p.Position.Records, offset: p.Position.InputOffset}
	c.leftovers = p.Segments
	c.ahead = committed(p.Segments)
	c.listedAll = p.Complete
	c.activities = 1
	c.beginRate(p)
}

// advance starts whatever can be started, and says whether there is anything to wait for.
func (c *coordinator) advance() bool {
	if c.budgetSpent() {
		c.stopping = true
	}
	s := c.plan()
	c.shareOut(s)
	if !c.stopping {
		c.takeLeftovers()
		c.dropOutgrown(s)
		c.process(s)
		c.list(s)
	}
	c.append()
	return c.listing != nil || c.appending != nil || len(c.running) > 0 || c.control.Paused && !c.stopping && !c.complete
}

// hardBudget is how many times the budget of a run is spent at most, where ending the run earlier would mean to wait for slow records.
const hardBudget = 4

// budgetSpent says whether to end this run, which means to let the running chunks end while nothing new is started. While one of them
// takes much longer than chunks should, that would leave most slots unused for as long, so it is put off.
func (c *coordinator) budgetSpent() bool {
	budget := c.spec.Tuning.ActivitiesPerRun
	if c.activities >= hardBudget*budget {
		return true
	}
	if c.activities < budget && !workflow.GetInfo(c.root).GetContinueAsNewSuggested() {
		return false
	}
	late := workflow.Now(c.root).Add(-2 * time.Duration(c.spec.Tuning.ChunkDuration))
	return !slices.ContainsFunc(c.running, func(l *lane) bool { return l.since.Before(late) })
}

// wait waits for one thing to happen and takes note of it. The selector is made anew each time, since its cases never shrink.
func (c *coordinator) wait() {
	s := workflow.NewNamedSelector(c.root, "chunks, appends, listings, signals")
	if !c.stopping {
		s.AddReceive(c.root.Done(), func(workflow.ReceiveChannel, bool) { c.stop(c.root.Err()) })
	}
	s.AddReceive(c.returned, func(ch workflow.ReceiveChannel, _ bool) {
		var r job.SlotsReturned
		if ch.ReceiveAsync(&r) { // where it makes no sense it is dropped; Receive would wait for the next
			c.slotsReturned(r)
			if r.Revision > 0 {
				c.tellChange() // of what was set: nothing else may happen for long
			}
		}
	})
	s.AddReceive(c.seals, func(ch workflow.ReceiveChannel, _ bool) {
		var d job.ChunkSealed
		if ch.ReceiveAsync(&d) {
			c.onSealed(d)
		}
	})
	c.heed(s)
	if c.appending != nil {
		s.AddFuture(c.appending, c.onAppended)
	}
	if c.pause != nil {
		s.AddFuture(c.pause, func(workflow.Future) { c.pause = nil })
	}
	if c.listing != nil {
		s.AddFuture(c.listing, c.onListed)
	}
	for _, l := range c.running {
		s.AddFuture(l.result, func(f workflow.Future) { c.onProcessed(l, f) })
	}
	s.Select(c.root)
}

// stop ends the run: nothing new is started, what runs is told to stop, what is ready is still committed.
func (c *coordinator) stop(err error) {
	c.stopping = true
	if c.err == nil {
		c.err = err
	}
	c.cancelWork()
}

// failed takes note of an activity that failed. A lost claim is no failure of the job: the next run asks who has it.
func (c *coordinator) failed(err error) {
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.Type() == string(job.ClaimLost) {
		c.stopping = true
		return
	}
	if c.err != nil && temporal.IsCanceledError(err) {
		return // told to stop
	}
	c.stop(err)
}

// process starts queued chunks while there are slots for them and the window allows it.
func (c *coordinator) process(s Sizing) {
	for c.free.slots > 0 && len(c.queue) > 0 && len(c.running) < maxLanes && c.rateAllows(s) && c.windowAllows(c.queue[0].Chunk) {
		l := &lane{chunk: c.queue[0].Chunk, since: workflow.Now(c.root)}
		c.queue = c.queue[1:]
		q := job.ProcessRequest{Spec: c.spec.Spec, Chunk: l.chunk, Granted: l.since.UnixNano(), Rate: c.grant(l, s), HeedsSealed: true}
		q.Slots = min(l.held.slots, l.chunk.Records)
		c.activities++
		l.result = processChunk(c.work, q)
		c.running = append(c.running, l)
	}
}

// windowAllows says whether a chunk may be started. The one at the position always may.
func (c *coordinator) windowAllows(chunk job.Chunk) bool {
	if chunk.First == c.position.Records {
		return true
	}
	if len(c.ahead) >= maxSpans {
		return false
	}
	var bytes int64
	for _, s := range c.ready {
		bytes += s.Bytes
	}
	return len(c.running)+len(c.ready) < c.spec.Tuning.WindowChunks && bytes < c.spec.Tuning.WindowBytes
}

func (c *coordinator) onProcessed(l *lane, f workflow.Future) {
	c.running = slices.DeleteFunc(c.running, func(m *lane) bool { return m == l })
	var p job.Processed
	err := f.Get(c.work, &p)
	c.takeBack(l, l.held, p.Tokens)
	switch {
	case err != nil:
		c.failed(err)
	case l.sealed: // all else was told before
	case p.Committed:
		c.stopping = true // the output is further than this run knows: ask it anew
	default:
		c.sealed(l, p)
	}
}

// onSealed takes note that a chunk is done whose slots have not come back.
func (c *coordinator) onSealed(d job.ChunkSealed) {
	for _, l := range c.running {
		if l.chunk.First == d.First && l.since.UnixNano() == d.Granted && !l.sealed {
			l.sealed, l.most = true, 0
			c.sealed(l, d.Processed)
		}
	}
}

// unseal has a chunk that is done, and whose segment is missing or damaged, tell of it again at its end, and says whether there is such a one. Another
// attempt at the chunk beside it would wait for its lock.
func (c *coordinator) unseal(chunk job.Chunk) bool {
	for _, l := range c.running {
		if l.sealed && l.chunk.First == chunk.First {
			l.sealed, l.most = false, chunk.Records
			return true
		}
	}
	return false
}

// sealed takes note of a segment that is ready.
func (c *coordinator) sealed(l *lane, p job.Processed) {
	c.carried.Story.heard(p)
	if p.Ran == l.chunk.Records {
		elapsed := time.Duration(p.ElapsedMicros) * time.Microsecond
		if elapsed == 0 {
			elapsed = workflow.Now(c.root).Sub(l.since) // which has the way to the worker and back in it
		}
		c.carried.Pace = c.carried.Pace.Observe(p.Ran, elapsed, time.Duration(p.TaskMicros)*time.Microsecond)
	}
	c.addReady(job.Segment{Chunk: l.chunk, Sealed: true, Bytes: p.Bytes, Failed: p.Failed})
}

func (c *coordinator) addReady(s job.Segment) {
	at, _ := slices.BinarySearchFunc(c.ready, s, func(a, b job.Segment) int { return int(a.First - b.First) })
	c.ready = slices.Insert(c.ready, at, s)
}

// append commits the ready segments that follow the position, or the end of an input without any.
func (c *coordinator) append() {
	if c.appending != nil || c.complete || c.closed {
		return
	}
	q := c.nextAppend()
	if q.Stop == nil && (len(q.Chunks) == 0 && !q.Final || !q.Final && c.tooSoon()) {
		return
	}
	c.appended, c.appendedAt = q, workflow.Now(c.root)
	c.appending = appendOutput(c.commit, q)
	c.activities++
}

// nextAppend is what can be committed now.
func (c *coordinator) nextAppend() job.AppendRequest {
	q := job.AppendRequest{Output: c.spec.Output, Format: c.spec.Format, From: c.position, MaxFailures: c.spec.MaxFailures, Stop: c.tooManyFailures()}
	if c.spec.Order == job.OrderCompletion {
		c.gather(&q)
		return q
	}
	next, bytes := c.position.Records, int64(0)
	for _, s := range c.ready {
		if s.First != next || len(q.Chunks) == appendChunks || bytes > appendBytes {
			break
		}
		q.Chunks = append(q.Chunks, s.Chunk)
		next, bytes = s.End(), bytes+s.Bytes
	}
	q.Final = c.listedAll && next == c.cursor.record && len(c.leftovers) == 0 && c.listing == nil
	return q
}

// tooSoon says whether to wait before the next append, and sees to it that the wait ends. Nobody waits once nothing runs any more.
func (c *coordinator) tooSoon() bool {
	left := appendEvery - workflow.Now(c.root).Sub(c.appendedAt)
	if left <= 0 || len(c.running) == 0 {
		return false
	}
	if c.pause == nil {
		c.pause = workflow.NewTimer(c.commit, left)
	}
	return true
}

func (c *coordinator) onAppended(f workflow.Future) {
	defer c.tell()
	c.appending = nil
	var r job.Appended
	if err := f.Get(c.commit, &r); err != nil {
		c.closed = true
		c.failed(err)
		return
	}
	if c.spec.Order == job.OrderCompletion {
		c.onGathered(r)
		return
	}
	end := c.position.Records
	if n := len(c.appended.Chunks); n > 0 {
		end = c.appended.Chunks[n-1].End()
	}
	c.position, c.totals, c.digest, c.complete = r.Position, r.Totals, r.OutputDigest, r.Complete
	c.ready = slices.DeleteFunc(c.ready, func(s job.Segment) bool { return s.End() <= r.Position.Records })
	switch {
	case r.Position.Records > end:
		c.stopping, c.closed = true, true // the output is further than this run knows: ask it anew
	case r.Position.Records < end:
		c.again(c.ready[0].Chunk)
	}
}
