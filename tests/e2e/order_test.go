package e2e

import (
	"fmt"
	"testing"
	"time"
)

// TestOutputOrder draws latencies at random, one in a hundred twenty times longer: the output is that of a sequential run.
func TestOutputOrder(t *testing.T) {
	const n = 20_000
	b := newBench(t)
	tg := newTarget(t, heavyTailed(5*time.Millisecond))
	b.worker()
	b.write("in", lines(n))
	b.longhaul("in", "--output", "out", "--http", tg.url(), "--concurrency", "100").ended(0)
	b.same("out", oracle(n))
	tg.once(t, n)
	b.tidy("out")
}

// TestConcurrencyCap measures the cap at the far side, over one worker and over three.
func TestConcurrencyCap(t *testing.T) {
	const n, limit = 3_000, 30
	for _, workers := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			b := newBench(t)
			tg := newTarget(t, fixed(20*time.Millisecond))
			for range workers {
				b.worker()
			}
			b.write("in", lines(n))
			b.longhaul("in", "--output", "out", "--http", tg.url(), "--concurrency", fmt.Sprint(limit)).ended(0)
			b.same("out", oracle(n))
			tg.once(t, n)
			if _, peak, _ := tg.counts(); peak != limit {
				t.Errorf("at most %d requests were in flight, want %d", peak, limit)
			}
		})
	}
}

// TestAFewStragglersDoNotStopTheJob has more records that take for ever than there are lanes: the others all get done.
func TestAFewStragglersDoNotStopTheJob(t *testing.T) {
	const n, limit = 2_000, 40
	b := newBench(t)
	release := make(chan struct{})
	tg := newTarget(t, fixed(0))
	tg.latency = func(record string) time.Duration {
		var i int
		fmt.Sscan(record, &i)
		if i%100 == 1 { // 20 of them
			<-release
		}
		return 5 * time.Millisecond
	}
	b.worker()
	b.write("in", lines(n))
	p := b.longhaul("in", "--output", "out", "--http", tg.url(), "--concurrency", fmt.Sprint(limit), "--timeout", "10m")
	b.until("all but the stragglers answered", func() bool {
		total, _, inFlight := tg.counts()
		return total == n && inFlight == n/100
	})
	close(release)
	p.ended(0)
	b.same("out", oracle(n))
	tg.once(t, n)
	if _, peak, _ := tg.counts(); peak > limit {
		t.Errorf("%d requests were in flight, with a cap of %d", peak, limit)
	}
}
