package slots

import (
	"testing"
	"testing/synctest"
)

func TestWorkThatComesLaterWaitsForWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		q := &queue{}
		l := p.Join(0, 1, q)
		synctest.Wait() // the source has answered nil
		q.add(g.pass)
		g.wantInFlight(t, 0)
		l.Wake()
		g.wantInFlight(t, 1)
		g.release(1)
		l.Leave()
	})
}

// lateSource answers nil from a first Take that is told when to.
type lateSource struct {
	queue
	asked, answer chan struct{}
	first         bool
}

func (s *lateSource) Take() Work {
	if !s.first { // only one slot asks
		s.first = true
		close(s.asked)
		<-s.answer
		return nil
	}
	return s.queue.Take()
}

func TestWakeDuringTakeIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		s := &lateSource{asked: make(chan struct{}), answer: make(chan struct{})}
		l := p.Join(0, 1, s)
		<-s.asked
		s.add(g.pass)
		l.Wake()
		close(s.answer)
		g.wantInFlight(t, 1)
		g.release(1)
		l.Leave()
	})
}

func TestOneWakeServesAsManySlotsAsThereIsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		q := &queue{}
		l := p.Join(0, 5, q)
		synctest.Wait()
		q.add(g.pass, g.pass, g.pass, g.pass)
		l.Wake()
		g.wantInFlight(t, 4)
		if got := p.Idle(); got != 1 {
			t.Errorf("%d idle, want 1", got)
		}
		g.release(4)
		l.Leave()
	})
}

func TestEachLaneThatWakesIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pool
		g := newGate()
		var queues []*queue
		var lanes []*Lane
		for i := range 4 {
			queues = append(queues, &queue{})
			lanes = append(lanes, p.Join(int64(i), 2, queues[i]))
		}
		synctest.Wait()
		for i, q := range queues {
			q.add(g.pass, g.pass)
			lanes[i].Wake()
		}
		g.wantInFlight(t, 8)
		g.release(8)
		for _, l := range lanes {
			l.Leave()
		}
	})
}

// TestManyWakesServeTheirWork: wake-ups that come while slots are on their way to sleep are not lost.
func TestManyWakesServeTheirWork(t *testing.T) {
	var p Pool
	q := &queue{}
	l := p.Join(0, 4, q)
	for range 2_000 {
		done := make(chan struct{})
		q.add(func() { close(done) })
		l.Wake()
		<-done
	}
	l.Leave()
}
