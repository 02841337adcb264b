package workflows_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/longhaul/longhaul/job"
)

// recordBytes is the length of every record of a world's input, with its newline.
const recordBytes = 10

// world is a fake of the four activities and of the files behind them: it outlives the runs of the workflow, as files do. It notes
// every promise that the workflow breaks.
type world struct {
	spec    job.Spec
	records int64
	limit   int // of the slots in flight when a chunk begins

	// takes is how long a chunk takes, delay how long another activity does, by its name, in workflow time.
	takes func(job.ProcessRequest) time.Duration
	delay map[string]time.Duration
	// busy is the time that a chunk's tasks report; by default its duration times its slots.
	busy func(job.ProcessRequest) time.Duration
	// failed is how many records of a chunk fail.
	failed func(job.Chunk) int64
	// done is how long before its end a chunk says that it is done but for its slots; 0 where it does not.
	done func(job.ProcessRequest) time.Duration
	// tokens is what a chunk has saved up of the rate at its end.
	tokens func(job.Chunk) float64
	// fault may fail an activity, which is known by its name and its request, before it does anything.
	fault func(name string, request any) error

	mu         sync.Mutex
	env        *testsuite.TestWorkflowEnvironment
	began      time.Time // of the run
	position   job.Position
	ceiling    int       // of the worker's, for the concurrency
	early      job.Ahead // committed beyond the position, in the order of completion
	totals     job.Totals
	complete   bool
	segments   map[int64]job.Segment // by first record
	former     map[int64]bool        // those that were there from the beginning
	running    map[string]*lane      // by activity id
	appending  bool
	ran        []int // how often each record was run
	calls      []call
	run        int
	stopped    int // chunks told to stop
	most       int // slots in flight, at most
	lanes      int // chunks in flight, at most
	ahead      int // chunks running or waiting, at most
	short      int // appends that met a segment that is not sealed
	violations []string
}

// lane is a chunk in flight.
type lane struct {
	job.Chunk
	slots int
	rate  *job.RateShare

	granted, revision int64
	answers           bool // it is to say what it keeps
	most              int  // slots that it can use
}

// call is one call of an activity.
type call struct {
	run     int
	at      time.Duration // since the run began
	name    string
	request any
}

func newWorld(records int64, s job.Spec) *world {
	return &world{
		spec: s, records: records, limit: s.Concurrency, segments: map[int64]job.Segment{}, former: map[int64]bool{}, running: map[string]*lane{}, ran: make([]int, records),
		delay:  map[string]time.Duration{},
		takes:  func(job.ProcessRequest) time.Duration { return time.Second },
		failed: func(job.Chunk) int64 { return 0 },
		tokens: func(job.Chunk) float64 { return 0 },
		done:   func(job.ProcessRequest) time.Duration { return 0 },
		fault:  func(string, any) error { return nil },
	}
}

// at is the position of an output that has answered n records.
func at(n int64) job.Position {
	return job.Position{Records: n, InputOffset: n * recordBytes, OutputBytes: 3 * n}
}

func digest(n int64) string { return fmt.Sprintf("digest of %d lines", n) }

func chunkOf(first int64, records int) job.Chunk {
	return job.Chunk{First: first, Records: records, Offset: first * recordBytes, Length: int64(records) * recordBytes, Checksum: uint32(first)}
}

// broken notes a broken promise. The caller holds mu.
func (w *world) broken(format string, args ...any) {
	w.violations = append(w.violations, fmt.Sprintf(format, args...))
}

// called notes a call. The caller holds mu.
func (w *world) called(name string, request any) error {
	w.calls = append(w.calls, call{w.run, w.env.Now().Sub(w.began), name, request})
	return w.fault(name, request)
}

// later completes the calling activity d of workflow time later. The environment's clock stands still while the code of an activity runs, and skips
// to the next such end when none does: times are exact.
func (w *world) later(ctx context.Context, d time.Duration, end func() (answer any, ended bool)) error {
	token, env := activity.GetInfo(ctx).TaskToken, w.env
	env.RegisterDelayedCallback(func() {
		w.mu.Lock()
		answer, ended := end()
		w.mu.Unlock()
		if ended {
			_ = env.CompleteActivity(token, answer, nil)
		}
	}, d)
	return activity.ErrResultPending
}

func (w *world) Prepare(ctx context.Context, q job.PrepareRequest) (job.Prepared, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.called(job.ActivityPrepare, q); err != nil {
		return job.Prepared{}, err
	}
	if len(w.running) > 0 || w.appending {
		w.broken("a run began while %d chunks of the one before were running", len(w.running))
	}
	p := job.Prepared{
		Position: w.position, Totals: w.totals, Complete: w.complete, InputBytes: w.records * recordBytes,
		OutputDigest: digest(w.position.Records), MaxConcurrency: w.ceiling,
	}
	for _, first := range slices.Sorted(maps.Keys(w.segments)) {
		if first >= w.position.Records {
			p.Segments = append(p.Segments, w.segments[first])
		}
	}
	for _, s := range w.early {
		c := job.Chunk{First: s.First, Records: int(s.Records), Offset: s.Offset, Length: s.Length}
		p.Segments = append(p.Segments, job.Segment{Chunk: c, Sealed: true, Committed: true})
	}
	slices.SortFunc(p.Segments, func(a, b job.Segment) int { return int(a.First - b.First) })
	return p, w.later(ctx, w.delay[job.ActivityPrepare], func() (any, bool) { return p, true })
}

// ListChunks cuts the input as package input does.
func (w *world) ListChunks(ctx context.Context, q job.ListRequest) (job.Page, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.called(job.ActivityListChunks, q); err != nil {
		return job.Page{}, err
	}
	if q.Offset != q.Record*recordBytes || q.Records < 1 || q.Chunks < 1 {
		w.broken("impossible listing %+v", q)
	}
	until := w.records
	if q.Until > 0 {
		until = q.Until / recordBytes
	}
	p := job.Page{Chunks: []job.Chunk{}}
	next, records := q.Record, q.Records
	if q.StartRecords > 0 {
		records = min(q.StartRecords, q.Records)
	}
	for next < until && len(p.Chunks) < q.Chunks {
		n := min(int64(records), (q.Bytes+recordBytes-1)/recordBytes, until-next) // the record that reaches the bound is the last
		if q.Taper > 1 {
			n = min(n, max(int64(q.MinRecords), (until-next+int64(q.Taper)-1)/int64(q.Taper), 1))
		}
		p.Chunks = append(p.Chunks, chunkOf(next, int(n)))
		next, records = next+n, min(2*records, q.Records)
	}
	p.End = next == w.records && q.Until == 0
	return p, w.later(ctx, w.delay[job.ActivityListChunks], func() (any, bool) { return p, true })
}

func (w *world) ProcessChunk(ctx context.Context, q job.ProcessRequest) (job.Processed, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.called(job.ActivityProcessChunk, q); err != nil {
		return job.Processed{}, err
	}
	c, id := q.Chunk, activity.GetInfo(ctx).ActivityID
	if c.End() <= w.position.Records || w.early.Has(c) {
		return job.Processed{Committed: true}, nil
	}
	if w.early.Overlaps(c) {
		w.broken("%s is processed though some of it is committed", c)
	}
	before := w.segments[c.First]
	if before.Sealed {
		w.broken("%s is processed though its segment is sealed", c)
	}
	if before.Records != 0 && before.Chunk != c {
		w.broken("%s is processed where %s is half-done", c, before.Chunk)
	}
	for i := c.First; i < c.End(); i++ {
		w.ran[i]++
	}
	w.segments[c.First] = job.Segment{Chunk: c}
	w.running[id] = &lane{Chunk: c, slots: q.Slots, rate: q.Rate, granted: q.Granted, most: c.Records}
	w.watch(q)
	d := w.takes(q)
	if before := w.done(q); before > 0 && before < d {
		w.env.RegisterDelayedCallback(func() { w.tellDone(id) }, d-before)
	}
	return job.Processed{}, w.later(ctx, d, func() (any, bool) {
		if w.running[id] == nil {
			return nil, false // told to stop before
		}
		delete(w.running, id)
		if c.End() <= w.position.Records || w.early.Has(c) {
			return job.Processed{Committed: true}, true
		}
		s := job.Segment{Chunk: c, Sealed: true, Bytes: c.Length, Failed: w.failed(c)}
		w.segments[c.First] = s
		ran := c.Records
		if before.Records != 0 {
			ran /= 2 // the other half was found
		}
		return job.Processed{Bytes: s.Bytes, Failed: s.Failed, Ran: ran, TaskMicros: w.work(q, d).Microseconds(), Tokens: w.tokens(c)}, true
	})
}

// tellDone has a chunk say that it is done but for its slots.
func (w *world) tellDone(id string) {
	w.mu.Lock()
	l, env := w.running[id], w.env
	if l == nil {
		w.mu.Unlock()
		return
	}
	done := l.Chunk.End() <= w.position.Records || w.early.Has(l.Chunk)
	s := job.Segment{Chunk: l.Chunk, Sealed: true, Bytes: l.Length, Failed: w.failed(l.Chunk)}
	if !done {
		w.segments[l.First] = s
	}
	w.mu.Unlock()
	env.SignalWorkflow(job.SignalChunkSealed, job.ChunkSealed{
		First: l.First, Granted: l.granted, Processed: job.Processed{Bytes: s.Bytes, Failed: s.Failed, Ran: l.Records},
	})
}

func (w *world) work(q job.ProcessRequest, d time.Duration) time.Duration {
	if w.busy != nil {
		return w.busy(q)
	}
	return d * time.Duration(q.Slots)
}

// watch checks the bounds with a chunk that has just started.
func (w *world) watch(q job.ProcessRequest) {
	if q.Slots < 1 || q.Slots > q.Chunk.Records {
		w.broken("%s got %d slots", q.Chunk, q.Slots)
	}
	if n := w.slots(); n > w.limit {
		w.broken("%d slots in flight, of %d", n, w.limit)
	}
	sealed := 0
	for _, s := range w.segments {
		if s.Sealed && s.End() > w.position.Records && !w.former[s.First] {
			sealed++
		}
	}
	w.most, w.lanes, w.ahead = max(w.most, w.slots()), max(w.lanes, len(w.running)), max(w.ahead, len(w.running)+sealed)
	if len(w.running)+sealed > w.spec.Tuning.WindowChunks && q.Chunk.First != w.position.Records {
		w.broken("%d chunks run and %d wait; the window is %d", len(w.running), sealed, w.spec.Tuning.WindowChunks)
	}
}

func (w *world) slots() (n int) {
	for _, l := range w.running {
		n += l.slots
	}
	return n
}

func (w *world) AppendOutput(ctx context.Context, q job.AppendRequest) (job.Appended, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.called(job.ActivityAppendOutput, q); err != nil {
		return job.Appended{}, err
	}
	if w.appending {
		w.broken("two appends at once")
	}
	w.appending = true
	return job.Appended{}, w.later(ctx, w.delay[job.ActivityAppendOutput], func() (any, bool) {
		w.appending = false
		if w.spec.Order == job.OrderCompletion {
			return w.commitAny(q), true
		}
		w.commit(q)
		return job.Appended{Position: w.position, Totals: w.totals, OutputDigest: digest(w.position.Records), Complete: w.complete}, true
	})
}

// commit moves the position over the chunks whose segments are whole, if the request stands where the output does.
func (w *world) commit(q job.AppendRequest) {
	if w.position.Records > q.From.Records {
		return // somebody appended this before
	}
	if w.position != q.From {
		w.broken("append at %+v, where the output stands at %+v", q.From, w.position)
	}
	next := q.From.Records
	for _, c := range q.Chunks {
		s, ok := w.segments[c.First]
		if c.First != next || c.Records < 1 || s.Chunk != c && ok {
			w.broken("append of %s where record %d is next", c, next)
		}
		if !s.Sealed {
			w.position = at(next)
			w.short++
			return
		}
		next = c.End()
		w.totals.Failed += s.Failed
		w.totals.Tries += int64(c.Records)
		delete(w.segments, c.First)
	}
	w.position = at(next)
	if q.Final {
		w.complete = true
		if next != w.records {
			w.broken("the final append ends at record %d of %d", next, w.records)
		}
	}
}

// commitAny is commit in the order of completion, and its answer.
func (w *world) commitAny(q job.AppendRequest) job.Appended {
	a := job.Appended{Totals: w.totals}
	if w.position.OutputBytes <= q.From.OutputBytes { // else somebody appended this before
		w.commitAll(q)
	}
	for answered := q.Answered; ; answered += int64(q.Chunks[a.Taken-1].Records) {
		if a.Taken == len(q.Chunks) || q.Chunks[a.Taken].End() > w.position.Records && !w.early.Has(q.Chunks[a.Taken]) {
			a.Further = w.position.Records+w.early.Records() > answered
			break
		}
		a.Taken++
	}
	a.Position, a.Totals, a.OutputDigest, a.Complete = w.position, w.totals, digest(w.position.Records), w.complete
	return a
}

func (w *world) commitAll(q job.AppendRequest) {
	if w.position != q.From || q.Answered != w.position.Records+w.early.Records() {
		w.broken("append at %+v with %d answered, where the output stands at %+v with %v", q.From, q.Answered, w.position, w.early)
	}
	for _, c := range q.Chunks {
		s, ok := w.segments[c.First]
		if c.First < w.position.Records || w.early.Overlaps(c) || s.Chunk != c && ok {
			w.broken("append of %s, ahead of %+v there is %v", c, w.position, w.early)
		}
		if !s.Sealed {
			w.short++
			q.Final = false
			break
		}
		w.early = w.early.Add(c)
		w.position.OutputBytes += 3 * int64(c.Records)
		w.totals.Failed += s.Failed
		w.totals.Tries += int64(c.Records)
		delete(w.segments, c.First)
	}
	w.position.Records, w.position.InputOffset, w.early = w.early.From(w.position.Records, w.position.InputOffset)
	if q.Final {
		w.complete = true
		if w.position.Records != w.records {
			w.broken("the final append leaves the output at record %d of %d", w.position.Records, w.records)
		}
	}
}
