package slots

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clock is a time that passes when the test says so, and its timers.
type clock struct {
	now    time.Time
	timers []*timer
}

type timer struct {
	at time.Time
	f  func()
}

func newClock() *clock { return &clock{now: time.Unix(1_000_000, 0)} }

func (c *clock) rate() *Rate {
	return &Rate{
		Now: func() time.Time { return c.now },
		After: func(d time.Duration, f func()) func() bool {
			t := &timer{c.now.Add(d), f}
			c.timers = append(c.timers, t)
			return func() bool {
				i := slices.Index(c.timers, t)
				if i >= 0 {
					c.timers = slices.Delete(c.timers, i, i+1)
				}
				return i >= 0
			}
		},
	}
}

// pass lets time pass, and what is due happen at its time.
func (c *clock) pass(d time.Duration) {
	until := c.now.Add(d)
	for {
		next := -1
		for i, t := range c.timers {
			if !t.at.After(until) && (next < 0 || t.at.Before(c.timers[next].at)) {
				next = i
			}
		}
		if next < 0 {
			c.now = until
			return
		}
		t := c.timers[next]
		c.timers = slices.Delete(c.timers, next, next+1)
		c.now = t.at
		t.f()
	}
}

// granted says whether a turn has come.
func granted(turn *turn) bool {
	if turn == nil {
		return true
	}
	select {
	case <-turn.come:
		return turn.token
	default:
		return false
	}
}

func TestRateHandsOutOneTokenATime(t *testing.T) {
	c := newClock()
	r := c.rate()
	r.Join(10, 3, 3)
	var turns []*turn
	for range 40 {
		turns = append(turns, r.enqueue())
	}
	for i, want := range []int{3, 3, 4, 4, 5, 13} {
		n := 0
		for j, turn := range turns {
			if granted(turn) {
				if n++; j >= n {
					t.Errorf("step %d: number %d came before its turn", i, j)
				}
			}
		}
		if n != want {
			t.Errorf("step %d, at %s: %d granted, want %d", i, c.now, n, want)
		}
		c.pass([]time.Duration{99 * time.Millisecond, 2 * time.Millisecond, 98 * time.Millisecond, 2 * time.Millisecond, 800 * time.Millisecond, 0}[i])
	}
}

func TestRateSavesUpNoMoreThanItsBurst(t *testing.T) {
	c := newClock()
	r := c.rate()
	r.Join(10, 3, 0)
	if turn := r.enqueue(); granted(turn) {
		t.Error("a share that begins with nothing saved up has a token")
	} else {
		r.giveUp(turn)
	}
	c.pass(time.Hour)
	for i := range 4 {
		if got := granted(r.enqueue()); got != (i < 3) {
			t.Errorf("number %d after an hour: %v", i, got)
		}
	}
}

func TestAShareThatLeavesTakesItsPartAlong(t *testing.T) {
	c := newClock()
	r := c.rate()
	a, b := r.Join(1, 3, 3), r.Join(1, 1, 1)
	r.enqueue()
	r.enqueue() // two of four are left
	if got := a.Leave(); got != 1.5 {
		t.Errorf("the share of three quarters leaves with %v", got)
	}
	if got := b.Leave(); got != 0.5 {
		t.Errorf("the last one leaves with %v", got)
	}
	if turn := r.enqueue(); granted(turn) {
		t.Error("a token without a share")
	}
	c.pass(time.Hour)
	if len(c.timers) > 0 || r.perSecond != 0 {
		t.Errorf("%d timers, %v a second", len(c.timers), r.perSecond)
	}
	r.Join(1, 1, 0)
	c.pass(time.Second + 1)
	if len(r.waiting) != 0 {
		t.Error("who waited is not served by the next share")
	}
}

func TestWaitEndsWhenToldToAndWastesNoToken(t *testing.T) {
	var r Rate
	r.Join(1e-3, 1, 1)
	quit := make(chan struct{})
	if !r.Wait(quit) {
		t.Error("there was a token")
	}
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if r.Wait(quit) {
				t.Error("a token out of nothing")
			}
		})
	}
	close(quit)
	group.Wait()
	if r.Wait(quit) || len(r.waiting) != 0 {
		t.Errorf("%d still wait", len(r.waiting))
	}
}

func TestAnInterruptEndsTheWaitsThereAre(t *testing.T) {
	c := newClock()
	r := c.rate()
	r.Join(1, 2, 2)
	had := []*turn{r.enqueue(), r.enqueue()}
	waits := []*turn{r.enqueue(), r.enqueue()}
	r.Interrupt()
	for _, turn := range had {
		if !granted(turn) {
			t.Error("a token that was handed out is lost")
		}
	}
	for _, turn := range waits {
		if <-turn.come; turn.token {
			t.Error("a token out of nothing")
		}
		r.giveUp(turn) // of one that was told to stop at the same moment
	}
	if len(c.timers) > 0 || len(r.waiting) > 0 || r.tokens != 0 {
		t.Errorf("%d timers, %d wait, %v tokens", len(c.timers), len(r.waiting), r.tokens)
	}
	next := r.enqueue()
	c.pass(time.Second + 1)
	if !granted(next) {
		t.Error("after an interrupt nobody is served")
	}
}

// worker is a Rate and what waits at it.
type worker struct {
	rate   *Rate
	shares []*Share
	parts  []part // of each share, as the job keeps books
	turns  []*turn
}

type part struct {
	perSecond float64
	burst     int
}

// TestNoStretchOfTimeHasMoreThanRateAndBurst moves shares about between workers as a job does, and looks at every stretch of time between two grants.
func TestNoStretchOfTimeHasMoreThanRateAndBurst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSecond := rapid.Float64Range(0.1, 1000).Draw(t, "rate")
		burst := rapid.IntRange(1, 20).Draw(t, "burst")
		c := newClock()
		workers := make([]*worker, rapid.IntRange(1, 3).Draw(t, "workers"))
		for i := range workers {
			workers[i] = &worker{rate: c.rate()}
		}
		free, tokens := part{perSecond, burst}, float64(burst)
		var grants []time.Time
		look := func() {
			for _, w := range workers {
				w.turns = slices.DeleteFunc(w.turns, func(turn *turn) bool {
					if granted(turn) {
						grants = append(grants, c.now)
						return true
					}
					return false
				})
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			w := workers[rapid.IntRange(0, len(workers)-1).Draw(t, "worker")]
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0:
				if free.burst == 0 {
					continue
				}
				p := part{free.perSecond * rapid.Float64Range(0, 1).Draw(t, "part"), rapid.IntRange(1, free.burst).Draw(t, "its burst")}
				with := min(tokens, float64(p.burst))
				free.perSecond, free.burst, tokens = free.perSecond-p.perSecond, free.burst-p.burst, tokens-with
				w.shares, w.parts = append(w.shares, w.rate.Join(p.perSecond, p.burst, with)), append(w.parts, p)
			case 1:
				if len(w.shares) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(w.shares)-1).Draw(t, "share")
				left := w.shares[i].Leave()
				if rapid.Bool().Draw(t, "killed") {
					left = 0
				}
				free.perSecond, free.burst = free.perSecond+w.parts[i].perSecond, free.burst+w.parts[i].burst
				tokens = min(tokens+left, float64(free.burst))
				w.shares, w.parts = slices.Delete(w.shares, i, i+1), slices.Delete(w.parts, i, i+1)
			case 2:
				if len(w.shares) == 0 {
					continue
				}
				keep := part{w.parts[0].perSecond / 2, 1}
				w.shares[0].Scale(0.5, 1)
				free.perSecond, free.burst = free.perSecond+w.parts[0].perSecond-keep.perSecond, free.burst+w.parts[0].burst-keep.burst
				w.parts[0] = keep
			case 3:
				for range rapid.IntRange(1, 30).Draw(t, "wait") {
					w.turns = append(w.turns, w.rate.enqueue())
				}
			case 4:
				if len(w.turns) > 0 && !granted(w.turns[0]) {
					w.rate.giveUp(w.turns[0])
					w.turns = w.turns[1:]
				}
			case 5: // more of the rate, for a share that lost its burst too
				if len(w.shares) == 0 || free.burst == 0 {
					continue
				}
				more := part{free.perSecond / 2, 1}
				w.parts[0] = part{w.parts[0].perSecond + more.perSecond, w.parts[0].burst + more.burst}
				free.perSecond, free.burst = free.perSecond-more.perSecond, free.burst-more.burst
				tokens = min(tokens, float64(free.burst))
				w.shares[0].Resize(w.parts[0].perSecond, w.parts[0].burst)
			case 6:
				look()
				w.rate.Interrupt()
				w.turns = nil
			}
			look()
			// In small steps, so that each grant is seen at its time.
			for range rapid.IntRange(0, 20).Draw(t, "ticks") {
				c.pass(time.Duration(rapid.Float64Range(0, 0.7).Draw(t, "tick") / perSecond * float64(time.Second)))
				look()
			}
		}
		for i, from := range grants {
			for j := i; j < len(grants); j++ {
				// A grant is seen up to a tick late; a stretch may look that much shorter than it was.
				stretch := grants[j].Sub(from).Seconds() + 0.7/perSecond
				if n := j - i + 1; float64(n) > perSecond*stretch+float64(burst)+1e-6 {
					t.Fatalf("%d in %v s, where %v a second and %d more may begin", n, stretch, perSecond, burst)
				}
			}
		}
	})
}

func ExampleRate() {
	var r Rate
	share := r.Join(1000, 2, 2)
	for range 3 {
		fmt.Println(r.Wait(nil))
	}
	share.Leave()
	// Output:
	// true
	// true
	// true
}
