package activities

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longhaul/longhaul/internal/h1"
)

// Where a try were none, requests would work all the same, and be slower.
var _ h1.Watched = (*try)(nil)

// newTries is a run and its tries, and what cancels both.
func newTries(t *testing.T) (context.Context, *tries, func()) {
	run, cancel := context.WithCancel(context.WithValue(context.Background(), errLine, "value"))
	t.Cleanup(cancel)
	s := &tries{}
	return run, s, func() {
		cancel()
		s.cancel()
	}
}

// What a try's context says is what context.WithDeadline would say, whether its Done is asked for before its end, after it, or never.
func TestATryEndsAsAnyContextDoes(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(t *try, cancel func())
		want error
	}{
		"at its deadline":         {func(*try, func()) { time.Sleep(time.Minute) }, context.DeadlineExceeded},
		"with the run":            {func(_ *try, cancel func()) { cancel() }, context.Canceled},
		"when it is over":         {func(t *try, _ func()) { t.end(context.Canceled) }, context.Canceled},
		"once":                    {func(t *try, cancel func()) { time.Sleep(time.Minute); t.Err(); cancel() }, context.DeadlineExceeded},
		"the run before its time": {func(t *try, cancel func()) { cancel(); t.Err(); time.Sleep(time.Minute) }, context.Canceled},
	} {
		for when, asked := range map[string]func(*try){
			"nobody asked":       func(*try) {},
			"Done was asked for": func(t *try) { t.Done() },
		} {
			t.Run(name+", "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					run, s, cancel := newTries(t)
					y := newTry(run, s, time.Now().Add(time.Minute))
					if d, ok := y.Deadline(); !ok || time.Until(d) != time.Minute || y.Err() != nil || y.Value(errLine) != "value" {
						t.Fatalf("at the beginning: %v, %v, %v", d, ok, y.Err())
					}
					asked(y)
					child, stop := context.WithCancel(y)
					defer stop()
					tt.end(y, cancel)
					synctest.Wait()
					if err := y.Err(); !errors.Is(err, tt.want) {
						t.Errorf("%v, want %v", err, tt.want)
					}
					<-y.Done()
					<-child.Done()
					if !errors.Is(child.Err(), tt.want) {
						t.Errorf("a child: %v, want %v", child.Err(), tt.want)
					}
				})
			})
		}
	}
}

func TestAfterFuncOfATry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run, s, _ := newTries(t)
		y := newTry(run, s, time.Now().Add(time.Minute))
		var called [3]bool
		stop0 := context.AfterFunc(y, func() { called[0] = true })
		stop1 := context.AfterFunc(y, func() { called[1] = true })
		if !stop0() || stop0() {
			t.Error("a watch cannot be ended once")
		}
		y.end(context.Canceled)
		synctest.Wait()
		context.AfterFunc(y, func() { called[2] = true })
		synctest.Wait()
		if called != [3]bool{false, true, true} || stop1() {
			t.Errorf("called: %v", called)
		}
	})
}

func TestWatchTellsOfTheRunsEndAlone(t *testing.T) {
	run, s, cancel := newTries(t)
	struck := make([]int, 5)
	var ys []*try
	for i := range struck {
		y := newTry(run, s, time.Now().Add(-time.Second)) // its deadline strikes nobody
		if y.Unwatch() != true {
			t.Error("without a watch: struck")
		}
		y.Watch(func() { struck[i]++ })
		ys = append(ys, y)
	}
	for _, i := range []int{2, 4, 0} { // one amid others, the first and the last of them
		for range 2 {
			if !ys[i].Unwatch() {
				t.Errorf("try %d was struck", i)
			}
		}
	}
	ys[2].Watch(func() { struck[2]++ })
	cancel()
	late := newTry(run, s, time.Now().Add(time.Hour))
	late.Watch(func() { struck[0] += 10 })
	for i, want := range []int{10, 1, 1, 1, 0} {
		if struck[i] != want {
			t.Errorf("try %d: %d, want %d", i, struck[i], want)
		}
	}
	if ys[1].Unwatch() || late.Unwatch() {
		t.Error("a watch that struck says that it has not")
	}
}

// Each watch is struck or unwatched, never both, whatever runs at once.
func TestWatchesAreStruckOrUnwatched(t *testing.T) {
	for range 200 {
		run, s, cancel := newTries(t)
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 10 {
					struck := make(chan struct{})
					y := newTry(run, s, time.Now().Add(time.Hour))
					y.Watch(func() { close(struck) })
					if !y.Unwatch() {
						<-struck
						continue
					}
					select {
					case <-struck:
						t.Error("struck after it was unwatched")
					default:
					}
				}
			})
		}
		group.Go(cancel)
		group.Wait()
	}
}
