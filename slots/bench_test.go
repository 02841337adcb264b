package slots

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// counted is a Source of n pieces of work that do nothing, but count.
type counted struct {
	next, left atomic.Int64
	done       chan struct{}
}

func newCounted(n int) *counted {
	c := &counted{done: make(chan struct{})}
	c.next.Store(int64(n))
	c.left.Store(int64(n))
	return c
}

func (c *counted) Take() Work {
	if c.next.Add(-1) < 0 {
		return nil
	}
	return c
}

func (c *counted) Run() {
	if c.left.Add(-1) == 0 {
		close(c.done)
	}
}

// BenchmarkPool is the price of a piece of work, with 200 slots over some lanes.
func BenchmarkPool(b *testing.B) {
	const slots = 200
	for _, lanes := range []int{1, 8} {
		b.Run(fmt.Sprintf("lanes=%d", lanes), func(b *testing.B) {
			var p Pool
			var wg sync.WaitGroup
			b.ReportAllocs()
			for i := range lanes {
				wg.Go(func() {
					c := newCounted(b.N/lanes + 1)
					l := p.Join(int64(i), slots/lanes, c)
					<-c.done
					l.Leave()
				})
			}
			wg.Wait()
		})
	}
}

// BenchmarkJoin is the price of a chunk: its lane comes with its slots, does one piece of work, and leaves.
func BenchmarkJoin(b *testing.B) {
	var p Pool
	for b.Loop() {
		c := newCounted(1)
		l := p.Join(0, 25, c)
		<-c.done
		l.Leave()
	}
}
