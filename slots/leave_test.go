package slots

import (
	"testing"
	"testing/synctest"
)

func TestLeaveWaitsForTheSlotsThatWereLent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		lender := p.Join(0, 2, &queue{})
		borrower := p.Join(1, 1, queueOf(4, g.pass))
		g.wantInFlight(t, 3)

		left := started(lender.Leave)
		for _, running := range []int{3, 2} {
			if g.wantInFlight(t, running); left() {
				t.Fatalf("Leave returned with %d in flight on 1 slot", running)
			}
			g.release(1)
		}
		if !left() {
			t.Error("Leave waits though its slots are free")
		}
		g.wantInFlight(t, 1)
		g.release(1) // the first of the two that are left; the other follows it
		g.wantInFlight(t, 1)
		g.release(1)
		borrower.Leave()
	})
}

func TestLeaveDoesNotWaitForSlotsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		idle := p.Join(0, 2, &queue{})
		busy := p.Join(1, 3, queueOf(3, g.pass))
		g.wantInFlight(t, 3)
		if left := started(idle.Leave); !left() {
			t.Error("Leave waits though its own slots are free")
		}
		g.wantInFlight(t, 3)
		g.release(3)
		busy.Leave()
	})
}

func TestALaneThatLeftIsNotAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		q := &queue{}
		gone, stays := p.Join(0, 1, q), p.Join(1, 1, &queue{})
		gone.Leave()
		q.add(g.pass)
		gone.Wake() // as a timer does that fires late
		g.wantInFlight(t, 0)
		stays.Leave()
	})
}

func TestAPoolHasSettledWhenWhatRunsFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		l := p.Join(0, 4, queueOf(6, g.pass))
		g.wantInFlight(t, 4)
		l.Resize(2)
		for _, running := range []int{4, 3} {
			if g.wantInFlight(t, running); p.Settled() {
				t.Fatalf("settled with %d in flight on 2 slots", running)
			}
			g.release(1)
		}
		if g.wantInFlight(t, 2); !p.Settled() {
			t.Error("not settled though what runs fits")
		}
		g.release(2)
		g.wantInFlight(t, 2)
		g.release(2)
		l.Leave()
	})
}

// TestIdleSlotsAreGivenBackAtOnce: without waiting for the goroutines that ran them to go.
func TestIdleSlotsAreGivenBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		l := p.Join(0, 8, queueOf(2, g.pass))
		g.wantInFlight(t, 2)
		if l.Resize(2); !p.Settled() {
			t.Error("not settled though six slots were idle")
		}
		synctest.Wait()
		if p.Idle() != 0 || l.Slots() != 2 {
			t.Errorf("%d idle, %d slots; want 0, 2", p.Idle(), l.Slots())
		}
		g.release(2)
		l.Leave()
	})
}

// TestSlotsThatJoinFreeThoseGivenBack: a pool that is to shrink need not wait for work to end where another brings as many slots.
func TestSlotsThatJoinFreeThoseGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		a := p.Join(0, 3, queueOf(3, g.pass))
		g.wantInFlight(t, 3)
		if a.Resize(1); p.Settled() {
			t.Fatal("settled with 3 in flight on 1 slot")
		}
		b := p.Join(1, 2, queueOf(2, g.pass))
		g.wantInFlight(t, 3) // and none more: the slots of b run what a's did
		g.release(1)
		g.wantInFlight(t, 3)
		if !p.Settled() {
			t.Error("not settled though 3 slots are there for 3 in flight")
		}
		g.release(4)
		a.Leave()
		b.Leave()
	})
}

func TestALaneOfNoSlotsStandsStillUntilItHasSome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		l := p.Join(0, 3, queueOf(9, g.pass))
		g.wantInFlight(t, 3)
		l.Resize(0)
		for _, running := range []int{3, 2, 1} {
			if g.wantInFlight(t, running); p.Settled() {
				t.Errorf("settled with %d in flight on no slot", running)
			}
			g.release(1)
		}
		if g.wantInFlight(t, 0); !p.Settled() {
			t.Error("not settled, with nothing in flight")
		}
		l.Resize(5)
		g.wantInFlight(t, 5)
		l.Resize(2)
		l.Resize(4) // before it had settled
		if g.wantInFlight(t, 5); p.Settled() {
			t.Error("settled with 5 in flight on 4 slots")
		}
		g.release(2)
		g.wantInFlight(t, 4)
		g.release(4)
		l.Leave()
	})
}

// TestLeaveWaitsForWhatWasTakenAway: a lane whose slots are gone has not given them back before the work on them ends.
func TestLeaveWaitsForWhatWasTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		lender := p.Join(0, 2, &queue{})
		borrower := p.Join(1, 0, queueOf(2, g.pass))
		g.wantInFlight(t, 2)
		lender.Resize(0)
		left := started(lender.Leave)
		if left() {
			t.Error("Leave returned with 2 in flight on no slot")
		}
		g.release(2)
		if !left() {
			t.Error("Leave waits though nothing is in flight")
		}
		borrower.Leave()
	})
}
