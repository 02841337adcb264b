package slots

import (
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// queue is a Source of functions.
type queue struct {
	mu   sync.Mutex
	work []Work
}

// fn is a function as Work.
type fn func()

func (f fn) Run() { f() }

func (q *queue) Take() Work {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.work) == 0 {
		return nil
	}
	w := q.work[0]
	q.work = q.work[1:]
	return w
}

func (q *queue) add(fs ...func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range fs {
		q.work = append(q.work, fn(f))
	}
}

// queueOf is a queue of n times f.
func queueOf(n int, f func()) *queue {
	q := &queue{}
	for range n {
		q.add(f)
	}
	return q
}

// gate holds work in flight until it is let go, and counts it.
type gate struct {
	mu       sync.Mutex
	inFlight int
	held     chan struct{}
}

func newGate() *gate { return &gate{held: make(chan struct{})} }

// pass is work that stays in flight until release.
func (g *gate) pass() {
	g.count(1)
	defer g.count(-1)
	<-g.held
}

func (g *gate) count(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight += n
}

// release lets n pieces of work end.
func (g *gate) release(n int) {
	for range n {
		g.held <- struct{}{}
	}
}

// wantInFlight waits until nothing moves any more, and checks how much work is in flight.
func (g *gate) wantInFlight(t *testing.T, want int) {
	t.Helper()
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inFlight != want {
		t.Errorf("%d in flight, want %d", g.inFlight, want)
	}
}

// started runs f beside the test, and returns a function that tells whether it has ended once nothing moves any more.
func started(f func()) (ended func() bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	return func() bool {
		synctest.Wait()
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}
