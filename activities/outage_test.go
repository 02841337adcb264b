package activities_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// farSide is one that may be down.
type farSide struct{ down atomic.Bool }

var errDown = errors.New("connection refused")

func (f *farSide) do(ctx context.Context, r task.Record) (task.Result, error) {
	if f.down.Load() {
		return task.Result{}, errDown
	}
	return echo(ctx, r)
}

func TestAnOutageFailsNoRecord(t *testing.T) {
	for name, tt := range map[string]struct{ records, slots, failures int }{
		"one slot":             {100, 1, 10},
		"more slots than it":   {100, 40, 10},
		"one record is enough": {100, 4, 1},
		"more than are kept":   {100, 2, 1_000_000}, // no more than 2*2+16 are in memory
		"few records":          {3, 1, 10},
		"one record":           {1, 1, 10},
		"as many as it takes":  {10, 4, 10},
		"just short of that":   {19, 2, 1_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			var far farSide
			far.down.Store(true)
			s := newSite(t, far.do, numbers(tt.records)...)
			s.spec.Tuning.OutageFailures = tt.failures
			c := s.begin()
			attempt := int32(1)
			if tt.records >= min(tt.failures, 2*tt.slots+16) {
				attempt = 30 // so many are never given up
			}
			for range 2 {
				_, err := s.process(c, tt.slots, circumstances{attempt: attempt})
				if msg := wantKind(t, err, job.Outage); !strings.Contains(msg, "connection refused") {
					t.Errorf("message %q does not say why", msg)
				}
			}
			bound := tt.failures + 2*tt.slots + 16 + tt.slots
			for i, n := range s.tried(int64(tt.records)) {
				if n > 2*s.spec.Retry.MaximumAttempts || n > 0 && i > bound {
					t.Errorf("record %d was tried %d times in two attempts", i, n)
				}
			}
			far.down.Store(false)
			if p, err := s.process(c, tt.slots, circumstances{attempt: 30}); err != nil || p.Failed != 0 || p.Ran != tt.records {
				t.Fatalf("when it is up again: %+v, %v", p, err)
			}
			s.appended(job.Position{}, true, c)
			if s.answers() != lines(numbers(tt.records)...) || s.failures() != "" {
				t.Errorf("output %q, errors %q", s.answers(), s.failures())
			}
		})
	}
}

func TestAnOutageIsSeenWhateverElseWaits(t *testing.T) {
	s := newSite(t, func(_ context.Context, r task.Record) (task.Result, error) {
		if r.Number < 2 {
			return task.Result{}, errDown
		}
		return task.Result{}, &task.Error{Err: errDown, After: time.Hour}
	}, numbers(10)...)
	s.spec.Retry.MaximumAttempts, s.spec.Tuning.OutageFailures = 2, 2
	c := s.begin()
	join := fork(t, func() (job.Processed, error) { return s.process(c, 10, circumstances{}) })
	_, err := join()
	wantKind(t, err, job.Outage)
}

// An outage begins while records are in flight, each of which was begun before the last success. They are not to blame either.
func TestAnOutageInMidRunFailsNoRecord(t *testing.T) {
	const records, up, slots = 200, 50, 8
	var far farSide
	var mu sync.Mutex
	var waiting []chan struct{}
	s := newSite(t, nil, numbers(records)...)
	// When record up is begun, all slots are filled with records that were begun; then one more success comes in, and then it goes down.
	s.script = func(ctx context.Context, r task.Record) (task.Result, error) {
		if r.Number < up || far.down.Load() {
			return far.do(ctx, r)
		}
		mu.Lock()
		c := make(chan struct{})
		waiting = append(waiting, c)
		n := len(waiting)
		if n == slots {
			close(waiting[0]) // the success
			time.AfterFunc(20*time.Millisecond, func() {
				far.down.Store(true)
				mu.Lock()
				defer mu.Unlock()
				for _, c := range waiting[1:] {
					close(c)
				}
			})
		}
		mu.Unlock()
		<-c
		if n == 1 {
			return echo(ctx, r)
		}
		return far.do(ctx, r)
	}
	s.spec.Retry.MaximumAttempts = 3
	c := s.begin()
	_, err := s.process(c, slots, circumstances{})
	wantKind(t, err, job.Outage)
	s.script = echo
	if p := s.processed(c, slots); p.Failed != 0 {
		t.Errorf("%d records failed for good in the outage", p.Failed)
	}
}

// An outage that ends before it is seen as one fails no record either: what used its tries up in it has them anew.
func TestAShortOutageFailsNoRecord(t *testing.T) {
	const held, waiting, last = 5, 7, 12
	var far farSide
	far.down.Store(true)
	failures := make(chan struct{}, 100)
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		switch {
		case r.Number == last && far.down.Load():
			for range held*2 + waiting {
				if _, ok := comes(failures); !ok {
					t.Error("the other records were not tried")
				}
			}
			far.down.Store(false)
		case far.down.Load():
			failures <- struct{}{}
			if r.Number >= held {
				return task.Result{}, &task.Error{Err: errDown, After: 200 * time.Millisecond}
			}
			return task.Result{}, errDown
		case r.Number == 0 && r.Try == 3:
			return task.Result{}, errDown // once more, on its own
		}
		return echo(ctx, r)
	}, numbers(last+1)...)
	s.spec.Retry.MaximumAttempts, s.spec.Tuning.OutageFailures = 2, 10
	p := s.processed(s.begin(), 4)
	if tries := s.tried(last + 1); p.Failed != 0 || tries[0] != 4 || tries[1] != 3 || tries[held] != 2 {
		t.Errorf("%+v; tries %v", p, tries)
	}
}

func TestOneRecordThatAlwaysFailsWhileOthersSucceedHasFailed(t *testing.T) {
	const records = 400
	for name, tt := range map[string]struct{ attempts, slots int }{
		"several tries":            {5, 4},
		"several tries, one slot":  {5, 1},
		"one try":                  {1, 4},
		"one try, one slot":        {1, 1},
		"two tries, as many slots": {2, 64},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
				if r.Number == 3 {
					return task.Result{}, errDown
				}
				<-time.After(time.Millisecond) // so that the others are still under way when its tries are used up
				return echo(ctx, r)
			}, numbers(records)...)
			s.spec.Retry.MaximumAttempts = tt.attempts
			c := s.begin()
			if p := s.processed(c, tt.slots); p.Failed != 1 || p.Ran != records {
				t.Errorf("%+v", p)
			}
			if got := s.tried(records)[3]; got != tt.attempts {
				t.Errorf("it was tried %d times, want %d", got, tt.attempts)
			}
			s.appended(job.Position{}, true, c)
			want := strings.Replace(lines(numbers(records)...), "2\n3\n4\n", "2\n\n4\n", 1)
			if got := s.answers(); got != want {
				t.Errorf("output %q", got)
			}
			if want := fmt.Sprintf(`{"record":3,"input":"3","error":"connection refused","tries":%d}`+"\n", tt.attempts); s.failures() != want {
				t.Errorf("errors %q, want %q", s.failures(), want)
			}
		})
	}
}

// An answer that refuses a record is an answer.
func TestRefusalsTellThatTheFarSideIsUp(t *testing.T) {
	for name, class := range map[string]task.Class{"permanent": task.Permanent, "retryable": task.Retryable} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(_ context.Context, r task.Record) (task.Result, error) {
				if r.Number%2 == 0 {
					return task.Result{}, errDown
				}
				return task.Result{}, task.Fail(class, errors.New("refused"))
			}, numbers(40)...)
			s.spec.Retry.MaximumAttempts, s.spec.Tuning.OutageFailures = 2, 20 // as many as it is down for
			if p := s.processed(s.begin(), 4); p.Failed != 40 {
				t.Errorf("%+v", p)
			}
		})
	}
}

// With nothing else to tell whether the far side is up, a few records are given some attempts, and have failed then.
func TestAFewRecordsThatAlwaysFailHaveFailedInTheEnd(t *testing.T) {
	var far farSide
	far.down.Store(true)
	s := newSite(t, far.do, "a", "b")
	c := s.begin()
	for attempt := range int32(2) {
		_, err := s.process(c, 2, circumstances{attempt: attempt + 1})
		wantKind(t, err, job.Outage)
	}
	p, err := s.process(c, 2, circumstances{attempt: 3})
	if err != nil || p.Failed != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	s.appended(job.Position{}, true, c)
	if s.answers() != "\n\n" || strings.Count(s.failures(), errDown.Error()) != 2 {
		t.Errorf("output %q, errors %q", s.answers(), s.failures())
	}
}

func TestWhatWasDoneBeforeAnOutageIsKept(t *testing.T) {
	var far farSide
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		if r.Number == 30 {
			far.down.Store(true)
		}
		return far.do(ctx, r)
	}, numbers(100)...)
	c := s.begin()
	_, err := s.process(c, 1, circumstances{})
	wantKind(t, err, job.Outage)
	far.down.Store(false)
	s.script = echo
	if p := s.processed(c, 1); p.Ran != 70 || p.Failed != 0 {
		t.Errorf("%+v, want the 70 records that were not done before", p)
	}
}

// While many records wait, no further ones are begun; when one succeeds after all, they are, whatever the others wait for.
func TestNewRecordsAreBegunAgainWhenTheFarSideAnswers(t *testing.T) {
	const slots, limit = 2, 2*2 + 16
	first, gate := make(chan struct{}), make(chan struct{})
	failed, more := make(chan struct{}, 100), make(chan struct{}, 100)
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		switch n := r.Number; {
		case n == 0:
			close(first)
			<-gate
			return echo(ctx, r)
		case n <= limit/2: // tries used up at once: held
			failed <- struct{}{}
			return task.Result{}, errDown
		case n <= limit: // waits
			failed <- struct{}{}
			return task.Result{}, &task.Error{Err: errDown, Class: task.Transient, After: time.Hour}
		}
		more <- struct{}{}
		return echo(ctx, r)
	}, numbers(100)...)
	s.spec.Retry.MaximumAttempts = 2
	s.spec.Tuning.OutageFailures = 1000
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := s.begin()
	join := fork(t, func() (job.Processed, error) { return s.process(c, slots, circumstances{ctx: ctx}) })
	await(t, first, "the first record")
	for range limit/2*2 + limit/2 {
		await(t, failed, "failed tries")
	}
	select {
	case <-more:
		t.Fatal("further records were begun while so many fail")
	case <-time.After(20 * time.Millisecond):
	}
	close(gate)
	await(t, more, "a further record")
	cancel()
	if _, err := join(); err == nil {
		t.Error("no error though records wait")
	}
}

func TestHowManyAttemptsAFewRecordsAreGivenIsTheSpecs(t *testing.T) {
	var far farSide
	far.down.Store(true)
	s := newSite(t, far.do, "a", "b")
	s.spec.Tuning.OutageAttempts = 5
	c := s.begin()
	for attempt := range int32(4) {
		_, err := s.process(c, 2, circumstances{attempt: attempt + 1})
		wantKind(t, err, job.Outage)
	}
	if p, err := s.process(c, 2, circumstances{attempt: 5}); err != nil || p.Failed != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
}

// A try begins in an outage, and is refused when another one's success has ended that already.
func TestATryThatAnOutageEndedInIsMadeAgain(t *testing.T) {
	const failures, succeeds, late = 5, 5, 6
	s := newSite(t, nil, numbers(late+1)...)
	s.spec.Retry.MaximumAttempts, s.spec.Tuning.OutageFailures = 1, failures
	chunks := s.list(s.prepared().Position, failures)
	begun, up := make(chan struct{}, 2), make(chan struct{})
	size := func() int64 {
		info, err := os.Stat(s.segmentPath(chunks[1]))
		if err != nil {
			t.Error(err)
			return 0
		}
		return info.Size()
	}
	s.script = func(ctx context.Context, r task.Record) (task.Result, error) {
		switch {
		case r.Number < failures:
			return task.Result{}, errDown
		case r.Number == succeeds:
			begun <- struct{}{}
			<-up
		case r.Try == 1:
			before := size()
			begun <- struct{}{}
			if !eventually(func() bool { return size() > before }) {
				t.Error("the success was not written")
			}
			return task.Result{}, errDown
		}
		return echo(ctx, r)
	}
	second := fork(t, func() (job.Processed, error) { return s.process(chunks[1], 2, circumstances{attempt: 3}) })
	await(t, begun, "a record")
	await(t, begun, "a record")
	_, err := s.process(chunks[0], failures, circumstances{attempt: 3})
	wantKind(t, err, job.Outage)
	close(up)
	if p, err := second(); err != nil || p.Failed != 0 || s.tried(late + 1)[late] != 2 {
		t.Errorf("%+v, %v", p, err)
	}
}

// Chunks of which each has too few records to tell an outage by tell it together, though they run one after the other.
func TestSmallChunksThatWaitTellAnOutageTogether(t *testing.T) {
	const small = 4
	for name, tt := range map[string]struct {
		failures int
		failed   int64
	}{"an outage": {2 * small, 0}, "one fewer": {2*small + 1, small}} {
		t.Run(name, func(t *testing.T) {
			var far farSide
			far.down.Store(true)
			s := newSite(t, far.do, numbers(2*small)...)
			s.spec.Retry.MaximumAttempts, s.spec.Tuning.OutageFailures = 1, tt.failures
			chunks := s.list(s.prepared().Position, small)
			for _, c := range chunks {
				_, err := s.process(c, 1, circumstances{attempt: 1})
				wantKind(t, err, job.Outage)
			}
			p, err := s.process(chunks[0], 1, circumstances{attempt: 30})
			if tt.failed == 0 {
				wantKind(t, err, job.Outage)
			} else if err != nil || p.Failed != tt.failed {
				t.Errorf("%+v, %v", p, err)
			}
			far.down.Store(false)
			if p := s.processed(chunks[1], 1); p.Failed != 0 {
				t.Errorf("%+v", p)
			}
		})
	}
}

// Two small chunks fail one after the other, and the second meets the end of the outage: none of its records is to blame.
func TestTheRowOfFailuresGoesOverChunksThatWait(t *testing.T) {
	const small = 4
	for name, tt := range map[string]struct {
		failures int
		failed   int64
	}{"an outage": {small + 2, 0}, "one fewer": {small + 3, 2}} {
		t.Run(name, func(t *testing.T) {
			var far farSide
			far.down.Store(true)
			s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
				if r.Number == small+2 {
					far.down.Store(false)
				}
				return far.do(ctx, r)
			}, numbers(2*small)...)
			s.spec.Retry.MaximumAttempts, s.spec.Tuning.OutageFailures = 1, tt.failures
			chunks := s.list(s.prepared().Position, small)
			for attempt := range int32(2) { // each of which counts once
				_, err := s.process(chunks[0], 1, circumstances{attempt: attempt + 1})
				wantKind(t, err, job.Outage)
			}
			if p := s.processed(chunks[1], 1); p.Failed != tt.failed {
				t.Errorf("%+v, want %d that failed", p, tt.failed)
			}
			if p := s.processed(chunks[0], 1); p.Failed != 0 {
				t.Errorf("%+v", p)
			}
		})
	}
}
