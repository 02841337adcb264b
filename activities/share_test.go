package activities_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// temporalStub is a client that passes signals on.
type temporalStub struct {
	client.Client
	signals chan signal
	targets func(since int64) (job.Targets, error)
}

// QueryWorkflow answers as a workflow that knows of no targets, where the stub has none.
func (c temporalStub) QueryWorkflow(_ context.Context, _, _, _ string, args ...any) (converter.EncodedValue, error) {
	if c.targets == nil {
		return nil, serviceerror.NewQueryFailed("unknown queryType " + job.QueryTargets)
	}
	t, err := c.targets(args[0].(int64))
	return encoded{t}, err
}

// encoded is an answer to a query.
type encoded struct{ t job.Targets }

func (encoded) HasValue() bool { return true }

func (e encoded) Get(to any) error {
	*to.(*job.Targets) = e.t
	return nil
}

type signal struct {
	workflow, run, name string
	arg                 any
}

func (c temporalStub) SignalWorkflow(_ context.Context, workflow, run, name string, arg any) error {
	if c.signals == nil {
		return nil
	}
	c.signals <- signal{workflow, run, name, arg}
	return nil
}

func TestChunksThatDrainGiveSlotsBack(t *testing.T) {
	release := make(chan struct{})
	var beside flight
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		switch r.Number {
		case 8, 9, 19: // two of the first chunk, one of the second
			<-release
			return echo(ctx, r)
		}
		return beside.run(ctx, r)
	}, numbers(40)...)
	chunks := s.list(s.prepared().Position, 10)
	stub := temporalStub{signals: make(chan signal, 10)}
	var joins []func() (job.Processed, error)
	for _, c := range chunks[:2] {
		joins = append(joins, fork(t, func() (job.Processed, error) { return s.process(c, 6, circumstances{client: stub}) }))
	}
	kept := map[int64]int{}
	for len(kept) < 2 || kept[0] > 2 || kept[10] > 1 {
		got := await(t, stub.signals, "the signals")
		back := got.arg.(job.SlotsReturned)
		kept[back.First] = back.Keep
		want := signal{"default-test-workflow-id", "default-test-run-id", job.SignalSlotsReturned, job.SlotsReturned{First: back.First, Granted: granted, Keep: back.Keep}}
		if got != want || back.First == 0 && back.Keep < 2 || back.First == 10 && back.Keep < 1 {
			t.Errorf("signal %+v, want %+v with as many slots kept as there are records left", got, want)
		}
	}
	// What was given back is not used here any more: a neighbour has its own slot only.
	beside.most.Store(0)
	s.processed(chunks[2], 1)
	if n := beside.most.Load(); n != 1 {
		t.Errorf("a chunk of one slot had %d tasks in flight", n)
	}
	close(release)
	for _, join := range joins {
		if _, err := join(); err != nil {
			t.Error(err)
		}
	}
}

// flight is a task that counts how many of it are in flight.
type flight struct{ now, most atomic.Int64 }

func (f *flight) run(ctx context.Context, r task.Record) (task.Result, error) {
	n := f.now.Add(1)
	for m := f.most.Load(); n > m && !f.most.CompareAndSwap(m, n); m = f.most.Load() {
	}
	time.Sleep(time.Millisecond) // the I/O, in which others may begin
	f.now.Add(-1)
	return echo(ctx, r)
}

// What an earlier attempt gave back may be in use elsewhere: a later one brings no more slots than it has records to run.
func TestALaterAttemptBringsNoMoreSlotsThanItNeeds(t *testing.T) {
	release, began := make(chan struct{}), make(chan struct{}, 1)
	var beside flight
	s := newSite(t, nil, numbers(30)...)
	chunks := s.list(s.prepared().Position, 10)
	s.half(chunks[0], func(i int64) bool { return i != 4 })
	s.script = func(ctx context.Context, r task.Record) (task.Result, error) {
		if r.Number != 4 {
			return beside.run(ctx, r)
		}
		began <- struct{}{}
		<-release
		return echo(ctx, r)
	}
	join := fork(t, func() (job.Processed, error) { return s.process(chunks[0], 8, circumstances{attempt: 2}) })
	await(t, began, "the record that was missing")
	s.processed(chunks[1], 1)
	if n := beside.most.Load(); n != 1 {
		t.Errorf("a chunk of one slot had %d tasks in flight", n)
	}
	close(release)
	if p, err := join(); err != nil || p.Ran != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}

// A slot that is idle comes back at once, though others of the chunk are lent to slow records of its neighbour.
func TestAChunkGivesBackWhatIsIdleAndKeepsWhatIsLent(t *testing.T) {
	const slots = 4
	release := make(chan struct{})
	busy := make(chan struct{}, 100)
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		if r.Number == 0 || r.Number >= slots { // one of the first chunk, six of the second
			busy <- struct{}{}
			<-release
		}
		return echo(ctx, r)
	}, numbers(slots+6)...)
	p := s.prepared()
	first := s.list(p.Position, slots)[0]
	second := s.list(job.Position{Records: slots, InputOffset: 2 * slots}, 100)[0]
	stub := temporalStub{signals: make(chan signal, 100)}
	var joins []func() (job.Processed, error)
	for _, c := range []job.Chunk{first, second} {
		joins = append(joins, fork(t, func() (job.Processed, error) { return s.process(c, slots, circumstances{client: stub}) }))
	}
	for range 7 {
		await(t, busy, "seven slow records in flight, over eight slots")
	}
	if got, want := await(t, stub.signals, "the signal").arg, (job.SlotsReturned{First: 0, Granted: granted, Keep: 3}); got != want {
		t.Errorf("signal %+v, want %+v", got, want)
	}
	close(release)
	for _, join := range joins {
		if _, err := join(); err != nil {
			t.Error(err)
		}
	}
}

// Slots that a draining chunk does not use are lent to its neighbour, so that none is given back while the neighbour has work.
func TestChunksOfAJobShareTheirSlots(t *testing.T) {
	const slots = 2
	var inFlight atomic.Int64
	full, slow := make(chan struct{}), make(chan struct{})
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		switch r.Number { // the first chunk has these two
		case 0:
			<-slow
			return echo(ctx, r)
		case 1:
			return echo(ctx, r)
		}
		if inFlight.Add(1) == 2*slots-1 {
			close(full)
		}
		<-full // all slots but one
		return echo(ctx, r)
	}, numbers(30)...)
	p := s.prepared()
	first := s.list(p.Position, 2)[0]
	rest := s.list(job.Position{Records: 2, InputOffset: 4}, 100)[0]
	one := fork(t, func() (job.Processed, error) { return s.process(first, slots, circumstances{}) })
	other := fork(t, func() (job.Processed, error) { return s.process(rest, slots, circumstances{}) })
	await(t, full, "the second chunk to use its own slots and one of the first")
	close(slow)
	for _, join := range []func() (job.Processed, error){one, other} {
		if _, err := join(); err != nil {
			t.Error(err)
		}
	}
}

// named is a task that answers with its arguments.
type named struct {
	args  string
	began chan struct{}
	wait  chan struct{}
	shut  *atomic.Int64
}

func (n named) Do(context.Context, task.Record) (task.Result, error) {
	n.began <- struct{}{}
	<-n.wait
	return task.Result{Value: []byte(n.args)}, nil
}

func (n named) Close() { n.shut.Add(1) }

// An activity of a job that was ended may still run when the next job, of the same workflow id, begins with other arguments.
func TestAChunkRunsItsOwnTask(t *testing.T) {
	s := newSite(t, nil, "a", "b")
	began, wait := make(chan struct{}, 2), make(chan struct{})
	var made, shut atomic.Int64
	s.acts.Tasks["named"] = func(c task.Config) (task.Task, error) {
		made.Add(1)
		return named{string(c.Args), began, wait, &shut}, nil
	}
	s.spec.Task = job.Task{Name: "named", Args: json.RawMessage(`"old"`)}
	c := s.list(s.prepared().Position, 1)
	old, spec := s.spec, s.spec
	spec.Task.Args = json.RawMessage(`"new"`)
	made.Store(0)
	run := func(spec job.Spec, c job.Chunk) func() (job.Processed, error) {
		join := fork(t, func() (job.Processed, error) {
			return do(t, circumstances{}, s.acts.ProcessChunk, job.ProcessRequest{Spec: spec, Chunk: c, Slots: 1})
		})
		await(t, began, "a task")
		return join
	}
	one, other := run(old, c[0]), run(spec, c[1])
	close(wait)
	for _, join := range []func() (job.Processed, error){one, other} {
		if _, err := join(); err != nil {
			t.Error(err)
		}
	}
	s.appended(job.Position{}, true, c...)
	if got := s.answers(); got != "\"old\"\n\"new\"\n" {
		t.Errorf("output %q", got)
	}
	if made.Load() != 2 || shut.Load() != 2 {
		t.Errorf("%d tasks made, %d closed", made.Load(), shut.Load())
	}
}

func TestChunksOfAJobShareOneTask(t *testing.T) {
	s := newSite(t, nil, "a", "b", "c")
	began, wait := make(chan struct{}, 3), make(chan struct{})
	var made, shut atomic.Int64
	s.acts.Tasks["named"] = func(c task.Config) (task.Task, error) {
		made.Add(1)
		return named{string(c.Args), began, wait, &shut}, nil
	}
	s.spec.Task.Name = "named"
	chunks := s.list(s.prepared().Position, 1)
	made.Store(0)
	var joins []func() (job.Processed, error)
	for _, c := range chunks[:2] {
		joins = append(joins, fork(t, func() (job.Processed, error) { return s.process(c, 1, circumstances{}) }))
	}
	await(t, began, "a task")
	await(t, began, "a task")
	if shut.Load() != 0 {
		t.Error("the task was closed while it is in use")
	}
	close(wait)
	for _, join := range joins {
		if _, err := join(); err != nil {
			t.Error(err)
		}
	}
	if made.Load() != 1 || shut.Load() != 1 {
		t.Errorf("%d tasks made, %d closed", made.Load(), shut.Load())
	}
	// One that is closed is not used again.
	s.processed(chunks[2], 1)
	if made.Load() != 2 || shut.Load() != 2 {
		t.Errorf("%d tasks made, %d closed, after a chunk that came later", made.Load(), shut.Load())
	}
}

// A record is held while its neighbour's slow tasks are in the slots that its chunk has lent, and for which it waits at its end. That they succeed
// meanwhile is no outage, and no reason to try the record for ever.
func TestARecordHeldWhileItsSlotsAreLentFailsInTheEnd(t *testing.T) {
	fail, twice, gate := make(chan struct{}), make(chan struct{}), make(chan struct{})
	lent := make(chan struct{}, 10)
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		switch {
		case r.Number == 0:
			if <-fail; r.Try == 2 {
				close(twice)
			}
			return task.Result{}, errDown
		case r.Number > 1:
			lent <- struct{}{}
			<-gate
		}
		return echo(ctx, r)
	}, numbers(4)...)
	s.spec.Retry.MaximumAttempts = 2
	p := s.prepared()
	first := s.list(p.Position, 2)[0]
	rest := s.list(job.Position{Records: 2, InputOffset: 4}, 100)[0]
	one := fork(t, func() (job.Processed, error) { return s.process(first, 2, circumstances{attempt: 3}) })
	other := fork(t, func() (job.Processed, error) { return s.process(rest, 1, circumstances{}) })
	await(t, lent, "the neighbour's own slot")
	await(t, lent, "a lent slot")
	close(fail)
	await(t, twice, "the last try")
	time.AfterFunc(20*time.Millisecond, func() { close(gate) }) // when it is held; before that, it fails at once, as it should
	if p, err := one(); err != nil || p.Failed != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := other(); err != nil {
		t.Error(err)
	}
}

// A chunk that is done tells so while slow tasks of another one are in its slots: the output need not wait for them.
func TestAChunkThatIsDoneSaysSoBeforeItsSlotsAreBack(t *testing.T) {
	const records = 4
	slow, release := make(chan struct{}, 100), make(chan struct{})
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		if r.Number >= records {
			slow <- struct{}{}
			<-release
		} else if r.Number == 0 { // until the other slots of its chunk are lent
			for range 3 {
				if _, ok := comes(slow); !ok {
					t.Error("no slot is lent")
				}
			}
		}
		return echo(ctx, r)
	}, numbers(2*records)...)
	chunks := s.list(s.prepared().Position, records)
	stub := temporalStub{signals: make(chan signal, 100)}
	beats := make(chan job.Heartbeat, 1000)
	process := func(c job.Chunk, in circumstances) func() (job.Processed, error) {
		in.client = stub
		return fork(t, func() (job.Processed, error) {
			return do(t, in, s.acts.ProcessChunk, job.ProcessRequest{Spec: s.spec, Chunk: c, Slots: 2, Granted: granted, HeedsSealed: true})
		})
	}
	second := process(chunks[1], circumstances{})
	first := process(chunks[0], circumstances{beat: func(h job.Heartbeat) { beats <- h }})
	got := await(t, stub.signals, "a signal")
	d, ok := got.arg.(job.ChunkSealed)
	if p := d.Processed; !ok || got.name != job.SignalChunkSealed || d.First != 0 || d.Granted != granted || p.Ran != records || p.Failed != 0 || p.Bytes == 0 {
		t.Fatalf("signal %+v", got)
	}
	s.appended(job.Position{}, false, chunks[0])
	if want := lines(numbers(records)...); s.answers() != want {
		t.Errorf("output %q, want %q", s.answers(), want)
	}
	for len(beats) > 0 { // of before
		<-beats
	}
	for await(t, beats, "a heartbeat that leaves its records to the workflow").Done != 0 {
	}
	close(release)
	if p, err := first(); err != nil || p.Ran != records || p.Bytes != d.Processed.Bytes {
		t.Errorf("%+v, %v, where the signal said %+v", p, err, d.Processed)
	}
	if p, err := second(); err != nil || p.Ran != records {
		t.Errorf("%+v, %v", p, err)
	}
}
