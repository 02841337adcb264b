package slots_test

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/longhaul/longhaul/slots"
)

// records is a chunk's Source: it hands out the numbers below n.
type records struct {
	next atomic.Int64
	n    int64
	do   func(int64)
}

type record struct {
	*records
	number int64
}

func (r *records) Take() slots.Work {
	if n := r.next.Add(1) - 1; n < r.n {
		return record{r, n}
	}
	return nil
}

func (r record) Run() { r.do(r.number) }

// Two chunks bring four slots each. No more than eight of their records run at once, and when one chunk is done the other has all eight.
func ExamplePool() {
	var pool slots.Pool
	var sum atomic.Int64
	var chunks sync.WaitGroup
	for first := range int64(2) {
		chunks.Go(func() {
			var left sync.WaitGroup
			left.Add(1_000)
			lane := pool.Join(first*1_000, 4, &records{n: 1_000, do: func(n int64) {
				sum.Add(first*1_000 + n)
				left.Done()
			}})
			left.Wait()
			lane.Leave()
		})
	}
	chunks.Wait()
	fmt.Println(sum.Load(), pool.Empty())
	// Output: 1999000 true
}
