package activities_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// instant is a site's script as a task without I/O.
type instant struct{ *site }

func (instant) Instant() {}

// makeInstant makes the script of a site an instant task.
func (s *site) makeInstant() {
	s.acts.Tasks["script"] = func(task.Config) (task.Task, error) { return instant{s}, nil }
}

func TestInstantTasksRunInBatches(t *testing.T) {
	const n = 10_000
	s := newSite(t, echo, numbers(n)...)
	s.spec.Task.Name = "echo"
	if end := s.pass(3000, 4); end.Position.Records != n || end.Totals.Tries != n {
		t.Errorf("%+v", end)
	}
	if s.answers() != lines(numbers(n)...) {
		t.Error("the output is not the input")
	}
}

// While the first record is being run, the slots beside it go on with others: a batch is not the whole chunk.
func TestBatchesAreBounded(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	for name, records := range map[string][]string{"by records": numbers(600), "by bytes": {long, long, long, long}} {
		t.Run(name, func(t *testing.T) {
			began := make(chan struct{}, len(records))
			s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
				if _, ok := ctx.Deadline(); ok {
					t.Error("a task that does no I/O has a time-out, which costs more than it does")
				}
				if r.Number == 0 {
					if _, ok := comes(began); !ok {
						t.Error("no record of another batch was begun")
					}
				}
				began <- struct{}{}
				return echo(ctx, r)
			}, records...)
			s.makeInstant()
			s.spec.Timeout = job.Duration(time.Hour)
			s.pass(len(records), 2)
			if s.answers() != lines(records...) {
				t.Error("the output is not the input")
			}
		})
	}
}

func TestRecordsOfABatchKeepTheirBytes(t *testing.T) {
	var records []string
	for i := range 2000 {
		records = append(records, strings.Repeat(fmt.Sprint(i), i%97)) // empty ones among them
	}
	records = append(records, strings.Repeat("x", 300<<10), "after a long one")
	s := newSite(t, echo, records...)
	s.makeInstant()
	s.pass(700, 3)
	if s.answers() != lines(records...) {
		t.Error("the output is not the input")
	}
	if got := s.tried(int64(len(records))); slices.Min(got) != 1 || slices.Max(got) != 1 {
		t.Errorf("records were run %d to %d times", slices.Min(got), slices.Max(got))
	}
}

func TestRecordsOfABatchFailAndAreTriedAgainOneByOne(t *testing.T) {
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		switch {
		case r.Number%100 == 7:
			return task.Result{}, task.Fail(task.Permanent, errors.New("never"))
		case r.Number%100 == 8 && r.Try < 3:
			return task.Result{}, task.Fail(task.Retryable, errors.New("later"))
		case r.Number%100 == 9:
			panic("odd")
		}
		return echo(ctx, r)
	}, numbers(1000)...)
	s.makeInstant()
	end := s.pass(400, 4)
	for i, n := range s.tried(1000) {
		if want := map[int]int{8: 3}[i%100]; n != max(1, want) {
			t.Errorf("record %d was tried %d times", i, n)
		}
	}
	if end.Totals.Failed != 20 || strings.Count(s.failures(), "never") != 10 || strings.Count(s.failures(), "odd") != 10 {
		t.Errorf("%d failed: %s", end.Totals.Failed, s.failures())
	}
	got := strings.Split(s.answers(), "\n")
	for i := range 1000 {
		if hole := i%100 == 7 || i%100 == 9; (got[i] == "") != hole || !hole && got[i] != fmt.Sprint(i) {
			t.Errorf("line %d is %q", i, got[i])
		}
	}
}

func TestAHalfDoneChunkOfAnInstantTaskRunsOnlyWhatIsMissing(t *testing.T) {
	s := newSite(t, echo, numbers(600)...)
	c := s.begin()
	s.half(c, func(i int64) bool { return i%3 == 0 })
	s.makeInstant()
	if p := s.processed(c, 2); p.Ran != 400 {
		t.Errorf("%+v", p)
	}
	for i, n := range s.tried(600) {
		if (n == 0) != (i%3 == 0) || n > 1 {
			t.Errorf("record %d was run %d times", i, n)
		}
	}
	s.appended(job.Position{}, true, c)
	if s.answers() != lines(numbers(600)...) {
		t.Error("the output is not the input")
	}
}

// A record is its task's own: those read after it do not write over it.
func TestARecordStaysAsItIsWhileItsTaskRuns(t *testing.T) {
	records := make([]string, 200)
	for i := range records {
		records[i] = strings.Repeat(fmt.Sprint(i%10), 2000)
	}
	last := make(chan struct{})
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		switch r.Number {
		case 0:
			if _, ok := comes(last); !ok {
				t.Error("the last record was not begun")
			}
		case 199:
			close(last)
		}
		return echo(ctx, r)
	}, records...)
	s.pass(len(records), 2)
	if s.answers() != lines(records...) {
		t.Error("the output is not the input")
	}
}

// A task that is not instant gets its records one by one, each under its slot.
func TestNoMoreTasksAreInFlightThanSlots(t *testing.T) {
	const slots = 5
	var mu sync.Mutex
	now, most := 0, 0
	full := make(chan struct{})
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		mu.Lock()
		now++
		if most = max(most, now); now == slots && most == slots {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		mu.Unlock()
		<-full // so that all slots are in use at once
		mu.Lock()
		now--
		mu.Unlock()
		return echo(ctx, r)
	}, numbers(200)...)
	s.pass(1000, slots)
	if most != slots {
		t.Errorf("at most %d tasks were in flight, of %d slots", most, slots)
	}
}
