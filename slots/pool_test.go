package slots

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

func TestALaneRunsAsManyAsItBrings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		l := p.Join(0, 3, queueOf(5, g.pass))
		g.wantInFlight(t, 3)
		g.release(1)
		g.wantInFlight(t, 3)
		g.release(2)
		g.wantInFlight(t, 2)
		g.release(2)
		l.Leave()
	})
}

func TestUnusedSlotsAreLent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		drained := p.Join(0, 3, &queue{})
		busy := p.Join(1, 1, queueOf(10, g.pass))
		g.wantInFlight(t, 4)
		g.release(10)
		busy.Leave()
		drained.Leave()
	})
}

func TestALaneThatJoinsTakesIdleSlotsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		drained := p.Join(5, 3, &queue{})
		synctest.Wait()
		busy := p.Join(1, 0, queueOf(4, g.pass))
		g.wantInFlight(t, 3)
		g.release(4)
		busy.Leave()
		drained.Leave()
	})
}

func TestTheLowestOrderIsServedFirst(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		orders := rapid.SliceOfN(rapid.Int64Range(0, 5), 1, 8).Draw(rt, "orders")
		each := rapid.IntRange(1, 3).Draw(rt, "work of each lane")
		var p Pool
		g := newGate()
		// One slot, held while the lanes join, so that it finds all of them.
		holder := p.Join(0, 1, queueOf(1, g.pass))
		var served []int // by the lane's turn to join; only the one slot writes it
		var lanes []*Lane
		for i, order := range orders {
			lanes = append(lanes, p.Join(order, 0, queueOf(each, func() { served = append(served, i) })))
		}
		done := make(chan struct{})
		last := p.Join(6, 0, queueOf(1, func() { close(done) }))
		g.release(1)
		<-done
		for _, l := range append(lanes, last, holder) {
			l.Leave()
		}
		joined := make([]int, len(orders))
		for i := range joined {
			joined[i] = i
		}
		// Of equal orders the first to join goes first.
		slices.SortStableFunc(joined, func(i, j int) int { return int(orders[i] - orders[j]) })
		var want []int
		for _, i := range joined {
			want = append(want, slices.Repeat([]int{i}, each)...)
		}
		if !slices.Equal(served, want) {
			rt.Fatalf("orders %v were served as %v, want %v", orders, served, want)
		}
	})
}

func TestALowerLaneThatWakesGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		var served []string // only the one slot writes it
		low := &queue{}
		lowLane := p.Join(1, 0, low)
		high := queueOf(1, g.pass)
		high.add(func() { served = append(served, "high") })
		highLane := p.Join(2, 1, high)
		g.wantInFlight(t, 1) // the low lane had nothing

		low.add(func() { served = append(served, "low") })
		lowLane.Wake()
		g.release(1)
		synctest.Wait()
		if !slices.Equal(served, []string{"low", "high"}) {
			t.Errorf("served %v", served)
		}
		lowLane.Leave()
		highLane.Leave()
	})
}

func TestEmptyAndIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		check := func(when string, empty bool, idle int) {
			t.Helper()
			synctest.Wait()
			if p.Empty() != empty || p.Idle() != idle {
				t.Errorf("%s: empty %t, %d idle; want %t, %d", when, p.Empty(), p.Idle(), empty, idle)
			}
		}
		check("new", true, 0)
		g := newGate()
		a := p.Join(0, 3, queueOf(1, g.pass))
		check("one of three in flight", false, 2)
		b := p.Join(1, 2, queueOf(1, g.pass))
		check("two of five in flight", false, 3)
		g.release(1)
		check("one of five in flight", false, 4)
		g.release(1)
		a.Leave()
		check("one lane left", false, 2)
		b.Leave()
		check("all gone", true, 0)
	})
}

func TestAPoolServesAgainAfterItWasEmpty(t *testing.T) {
	var p Pool
	for range 3 {
		done := make(chan struct{})
		l := p.Join(0, 2, queueOf(1, func() { close(done) }))
		<-done
		l.Leave()
	}
}

func TestWorkInASourceRunsOnce(t *testing.T) {
	const n = 1000
	var p Pool
	var ran atomic.Int32
	done := make(chan struct{})
	l := p.Join(0, 8, queueOf(n, func() {
		if ran.Add(1) == n {
			close(done)
		}
	}))
	<-done
	l.Leave()
	if got := ran.Load(); got != n {
		t.Errorf("%d of %d ran", got, n)
	}
}
