package activities_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.temporal.io/api/serviceerror"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// helm is a workflow that tells a chunk what it shall have.
type helm struct {
	t    *testing.T
	stub temporalStub

	mu     sync.Mutex
	target job.Target
	err    error
	asked  chan int64 // since which revision, each time
}

// others is the slots of the job's other chunks.
const others = 100

func newHelm(t *testing.T) *helm {
	h := &helm{t: t, asked: make(chan int64, 100)}
	h.stub = temporalStub{signals: make(chan signal, 100), targets: h.answer}
	return h
}

func (h *helm) answer(since int64) (job.Targets, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked <- since
	if h.err != nil {
		return job.Targets{}, h.err
	}
	a := job.Targets{Revision: h.target.Revision, Concurrency: h.target.Slots + others}
	if since != a.Revision {
		other := job.Target{First: 1 << 40, Granted: granted, Revision: 99, Slots: 50}
		a.Chunks = []job.Target{other, h.target}
	}
	return a, nil
}

func (h *helm) fails(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
}

// says changes the target.
func (h *helm) says(to job.Target) {
	h.mu.Lock()
	defer h.mu.Unlock()
	to.Granted = granted
	h.target, h.err = to, nil
}

// steers changes the target, and waits until the chunk goes by it.
func (h *helm) steers(to job.Target) {
	h.t.Helper()
	h.says(to)
	h.asks(to.Revision)
}

// asks waits until the chunk, which goes by a revision, asks what has changed since.
func (h *helm) asks(revision int64) {
	h.t.Helper()
	for await(h.t, h.asked, "a question") != revision {
	}
}

// wantAnswer waits for the chunk to say what it keeps.
func (h *helm) wantAnswer(keep int, revision int64) {
	h.t.Helper()
	got := await(h.t, h.stub.signals, "an answer")
	if want := (job.SlotsReturned{Granted: granted, Keep: keep, Revision: revision}); got.arg != want || got.name != job.SignalSlotsReturned {
		h.t.Errorf("answer %+v, want %+v", got, want)
	}
}

// held is a task whose records wait, each, until one of them is let go.
type held struct {
	began, release chan struct{}
	now, all       atomic.Int64
}

func newHeld() *held { return &held{began: make(chan struct{}, 1000), release: make(chan struct{})} }

func (h *held) run(ctx context.Context, r task.Record) (task.Result, error) {
	h.now.Add(1)
	h.all.Add(1)
	h.began <- struct{}{}
	<-h.release
	h.now.Add(-1)
	return echo(ctx, r)
}

// begin waits until n more have begun.
func (h *held) begin(t *testing.T, n int) {
	t.Helper()
	for range n {
		await(t, h.began, "a record to begin")
	}
}

// end lets n go.
func (h *held) end(n int) {
	for range n {
		h.release <- struct{}{}
	}
}

func (h *held) want(t *testing.T, now, all int64) {
	t.Helper()
	if h.now.Load() != now || h.all.Load() != all {
		t.Errorf("%d in flight and %d begun, want %d and %d", h.now.Load(), h.all.Load(), now, all)
	}
}

func TestAChunkGoesByItsTarget(t *testing.T) {
	t.Parallel()
	h, tasks := newHelm(t), newHeld()
	s := newSite(t, tasks.run, numbers(40)...)
	c := s.begin()
	h.says(job.Target{Slots: 4})
	join := fork(t, func() (job.Processed, error) { return s.process(c, 4, circumstances{client: h.stub}) })
	tasks.begin(t, 4)
	h.asks(0)
	tasks.want(t, 4, 4) // as granted

	h.says(job.Target{Revision: 1, Slots: 6})
	tasks.begin(t, 2) // more slots
	h.asks(1)
	s.mu.Lock()
	if want := 6 + others; s.resized != want {
		t.Errorf("the task was told that %d may be in flight, want %d", s.resized, want)
	}
	s.mu.Unlock()

	h.steers(job.Target{Revision: 2, Slots: 1, Answer: true})
	tasks.end(5) // fewer: what is in flight ends, and nothing begins
	h.wantAnswer(1, 2)
	tasks.want(t, 1, 6)
	tasks.end(1)
	tasks.begin(t, 1)

	h.steers(job.Target{Revision: 3, Slots: 0, Answer: true})
	tasks.end(1)
	h.wantAnswer(0, 3) // paused
	h.asks(3)
	tasks.want(t, 0, 7)

	h.says(job.Target{Revision: 4, Slots: 3})
	tasks.begin(t, 3)
	h.steers(job.Target{Revision: 5, Slots: 2, Answer: true})
	h.steers(job.Target{Revision: 6, Slots: 3, Answer: true}) // before it had given anything back
	h.wantAnswer(3, 6)
	close(tasks.release)
	if p, err := join(); err != nil || p.Ran != 40 {
		t.Errorf("%+v, %v", p, err)
	}
	for i, n := range s.tried(40) {
		if n != 1 {
			t.Errorf("record %d was tried %d times", i, n)
		}
	}
}

// A chunk that is to have more slots than it has records left takes as many, and says so.
func TestAChunkTakesNoMoreSlotsThanItNeeds(t *testing.T) {
	t.Parallel()
	h, tasks := newHelm(t), newHeld()
	s := newSite(t, tasks.run, numbers(5)...)
	c := s.begin()
	h.says(job.Target{Slots: 2})
	join := fork(t, func() (job.Processed, error) { return s.process(c, 2, circumstances{client: h.stub}) })
	tasks.begin(t, 2)
	h.says(job.Target{Revision: 1, Slots: 50})
	tasks.begin(t, 3)
	h.wantAnswer(5, 1)
	close(tasks.release)
	if p, err := join(); err != nil || p.Ran != 5 {
		t.Errorf("%+v, %v", p, err)
	}
}

// What the first attempt at a chunk was granted may be in use elsewhere when the second begins: it asks first.
func TestALaterAttemptAsksBeforeItBegins(t *testing.T) {
	t.Parallel()
	h, tasks := newHelm(t), newHeld()
	s := newSite(t, tasks.run, numbers(10)...)
	c := s.begin()
	h.fails(serviceerror.NewQueryFailed("nobody is at home"))
	troubled := make(chan string, 100)
	join := fork(t, func() (job.Processed, error) {
		return s.process(c, 8, circumstances{client: h.stub, attempt: 2, beat: func(b job.Heartbeat) { troubled <- b.Trouble }})
	})
	for !strings.Contains(await(t, troubled, "a heartbeat"), "it waits to be told its slots: nobody is at home") {
	}
	tasks.want(t, 0, 0)
	h.says(job.Target{Revision: 3, Slots: 2})
	tasks.begin(t, 2)
	h.asks(3)
	tasks.want(t, 2, 2)
	close(tasks.release)
	if p, err := join(); err != nil || p.Ran != 10 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestARateThatIsSetHoldsForChunksInWork(t *testing.T) {
	t.Parallel()
	h, tasks := newHelm(t), newHeld()
	s := newSite(t, tasks.run, numbers(20)...)
	c := s.begin()
	h.says(job.Target{Slots: 4})
	join := fork(t, func() (job.Processed, error) { return s.process(c, 4, circumstances{client: h.stub}) })
	tasks.begin(t, 4)
	h.steers(job.Target{Revision: 1, Slots: 4, Rate: &job.RateShare{PerSecond: 1e-6, Burst: 1}})
	tasks.end(4)
	h.asks(1)
	tasks.want(t, 0, 4)
	h.says(job.Target{Revision: 2, Slots: 4, Rate: &job.RateShare{PerSecond: 1e6, Burst: 1000}}) // and no bound to speak of
	tasks.begin(t, 4)
	close(tasks.release)
	if p, err := join(); err != nil || p.Ran != 20 {
		t.Errorf("%+v, %v", p, err)
	}
}

// What waits for the rate is not in flight: it goes back when the chunk has fewer slots, and is tried once in the end.
func TestAPauseEndsTheWaitForTheRate(t *testing.T) {
	t.Parallel()
	h := newHelm(t)
	s := newSite(t, echo, numbers(20)...)
	s.spec.Rate, s.spec.Burst = "1/h", 1
	c := s.begin()
	share := &job.RateShare{PerSecond: 1.0 / 3600, Burst: 1}
	h.says(job.Target{Slots: 4, Rate: share})
	join := fork(t, func() (job.Processed, error) {
		return do(t, circumstances{client: h.stub}, s.acts.ProcessChunk, job.ProcessRequest{Spec: s.spec, Chunk: c, Slots: 4, Granted: granted, Rate: share})
	})
	h.asks(0)
	h.says(job.Target{Revision: 1, Slots: 0, Rate: &job.RateShare{}, Answer: true})
	h.wantAnswer(0, 1)
	h.says(job.Target{Revision: 2, Slots: 4}) // without a bound
	if p, err := join(); err != nil || p.Ran != 20 {
		t.Errorf("%+v, %v", p, err)
	}
	for i, n := range s.tried(20) {
		if n != 1 {
			t.Errorf("record %d was tried %d times", i, n)
		}
	}
}

func TestAPausedChunkStopsWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	h, tasks := newHelm(t), newHeld()
	s := newSite(t, tasks.run, numbers(10)...)
	c := s.begin()
	h.says(job.Target{Slots: 2})
	stop := make(chan struct{})
	join := fork(t, func() (job.Processed, error) { return s.process(c, 2, circumstances{client: h.stub, stop: stop}) })
	tasks.begin(t, 2)
	h.steers(job.Target{Revision: 1, Slots: 0, Answer: true})
	tasks.end(2)
	h.wantAnswer(0, 1)
	close(stop)
	_, err := join()
	if msg := wantKind(t, err, job.Interrupted); !strings.Contains(msg, "with 8 of") {
		t.Errorf("it says %s", msg)
	}
}

// The records of a chunk that has no slots yet run in those of another one, which then ends: no slot is left to find that the chunk is done.
func TestAChunkEndsWithoutAnySlotOfItsOwn(t *testing.T) {
	t.Parallel()
	h := newHelm(t)
	h.fails(errors.New("nobody answers"))
	began, release := make(chan int64, 10), map[int64]chan struct{}{0: make(chan struct{}), 2: make(chan struct{}), 3: nil}
	release[3] = release[2]
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		if c := release[r.Number]; c != nil {
			began <- r.Number
			<-c
		}
		return echo(ctx, r)
	}, numbers(4)...)
	chunks := s.list(s.prepared().Position, 2)
	second := fork(t, func() (job.Processed, error) {
		return s.process(chunks[1], 1, circumstances{attempt: 2, client: h.stub})
	})
	h.asks(-1)
	first := fork(t, func() (job.Processed, error) { return s.process(chunks[0], 2, circumstances{}) })
	await(t, began, "a record")
	await(t, began, "the other chunk's, in a slot that is lent")
	close(release[0])
	await(t, began, "the last one, in the other slot")
	if !eventually(func() bool { jobs := s.acts.Jobs(); return len(jobs) == 1 && jobs[0].Granted == 0 }) {
		t.Fatal("the first chunk does not leave")
	}
	close(release[2])
	for _, join := range []func() (job.Processed, error){first, second} {
		if p, err := join(); err != nil || p.Ran != 2 {
			t.Errorf("%+v, %v", p, err)
		}
	}
}
