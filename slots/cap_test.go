package slots

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// ledger holds that no more work is in flight than slots were brought and not yet given back.
type ledger struct {
	mu       sync.Mutex
	brought  int
	inFlight int
	peak     int
	broken   string
}

func (l *ledger) note(brought, inFlight int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.brought += brought
	l.inFlight += inFlight
	l.peak = max(l.peak, l.inFlight)
	if l.inFlight > l.brought {
		l.broken = "more work in flight than slots"
	}
}

// lanePlan is what one lane does in the property below.
type lanePlan struct {
	order   int64
	slots   int
	work    int // pieces
	retries int // how often each is run again, after a pause without a slot
	more    int // slots that it is given once half of the work is done
	keep    int // slots kept then
}

var plans = rapid.Custom(func(t *rapid.T) lanePlan {
	slots := rapid.IntRange(1, 6).Draw(t, "slots")
	return lanePlan{
		order: rapid.Int64Range(0, 9).Draw(t, "order"), slots: slots, work: rapid.IntRange(0, 60).Draw(t, "work"),
		retries: rapid.IntRange(0, 2).Draw(t, "retries"), more: rapid.IntRange(0, 3).Draw(t, "more"), keep: rapid.IntRange(0, slots).Draw(t, "keep"),
	}
})

// TestTheCapIsNeverExceeded lets lanes join, grow, keep, stop, wake and leave at once.
func TestTheCapIsNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lanes := rapid.SliceOfN(plans, 1, 8).Draw(t, "lanes")
		var p Pool
		var l ledger
		var all sync.WaitGroup
		for _, plan := range lanes {
			all.Go(func() { plan.run(&p, &l) })
		}
		ended := make(chan struct{})
		go func() { all.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Fatal("work was never run, or slots never came back")
		}
		if l.broken != "" || l.brought != 0 || l.inFlight != 0 {
			t.Fatalf("%s; at the end %d slots, %d in flight", l.broken, l.brought, l.inFlight)
		}
		if !p.Empty() || p.size != 0 || p.workers != 0 || p.idle != 0 {
			t.Fatalf("the pool is left with %d lanes, size %d, %d workers, %d idle", len(p.lanes), p.size, p.workers, p.idle)
		}
	})
}

func (c lanePlan) run(p *Pool, l *ledger) {
	var pieces sync.WaitGroup
	var half sync.WaitGroup
	q := &queue{}
	joined := make(chan struct{})
	var lane *Lane
	var piece func(first bool, left int) func()
	piece = func(counts bool, left int) func() {
		return func() {
			l.note(0, 1)
			runtime.Gosched()
			l.note(0, -1)
			if counts {
				half.Done()
			}
			if left == 0 {
				pieces.Done()
				return
			}
			go func() { // as the timer of a backoff
				<-joined
				q.add(piece(false, left-1))
				lane.Wake()
			}()
		}
	}
	pieces.Add(c.work)
	half.Add(c.work / 2)
	for i := range c.work {
		q.add(piece(i < c.work/2, c.retries))
	}
	l.note(c.slots, 0)
	lane = p.Join(c.order, c.slots, q)
	close(joined)
	half.Wait()
	l.note(c.more, 0)
	lane.Resize(c.slots + c.more)
	lane.Resize(min(c.keep, lane.Slots()))
	p.settle()
	l.note(c.keep-c.slots-c.more, 0)
	again := max(1, c.keep)
	l.note(again-c.keep, 0)
	lane.Resize(again)
	pieces.Wait()
	lane.Leave()
	l.note(-again, 0)
}

// TestThePeakReachesTheWholePool: a lane that has work for it uses what all lanes brought, and no more.
func TestThePeakReachesTheWholePool(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, 5), 1, 6).Draw(t, "slots")
		total := 0
		for _, n := range sizes {
			total += n
		}
		var p Pool
		var l ledger
		full, more := make(chan struct{}), make(chan struct{})
		var pieces sync.WaitGroup
		pieces.Add(total + 3)
		l.note(total, 0)
		busy := p.Join(0, 0, queueOf(total+3, func() {
			defer pieces.Done()
			l.note(0, 1)
			defer l.note(0, -1)
			select {
			case full <- struct{}{}:
				<-more
			case <-more:
			}
		}))
		var lanes []*Lane
		for i, n := range sizes {
			lanes = append(lanes, p.Join(int64(i), n, &queue{}))
		}
		for range total {
			<-full
		}
		close(more)
		pieces.Wait()
		for _, lane := range append(lanes, busy) {
			lane.Leave()
		}
		if l.peak != total || l.broken != "" {
			t.Fatalf("the peak was %d of %d slots; %s", l.peak, total, l.broken)
		}
	})
}
