package e2e

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestOutputOrder draws latencies at random, one in a hundred twenty times longer: the output is that of a sequential run.
func TestOutputOrder(t *testing.T) {
	const n = 20_000
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.HeavyTailed(5*time.Millisecond))
	b.Worker()
	b.Write("in", harness.Lines(n))
	b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", "100").Ended(0)
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)
	b.Tidy("out")
}

// TestConcurrencyCap measures the cap at the far side, over one worker and over three.
func TestConcurrencyCap(t *testing.T) {
	const n, limit = 3_000, 30
	for _, workers := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			b := harness.New(t)
			tg := harness.NewTarget(t, harness.Fixed(20*time.Millisecond))
			tg.Gate = make(chan struct{})
			for range workers {
				b.Worker()
			}
			b.Write("in", harness.Lines(n))
			p := b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", fmt.Sprint(limit), "--timeout", "10m")
			b.Until("the cap reached", func() bool { _, _, inFlight := tg.Counts(); return inFlight == limit })
			close(tg.Gate)
			p.Ended(0)
			b.Same("out", harness.Oracle(n))
			tg.Once(t, n)
			if _, peak, _ := tg.Counts(); peak > limit {
				t.Errorf("%d requests were in flight, with a cap of %d", peak, limit)
			}
		})
	}
}

// TestAFewStragglersDoNotStopTheJob has more records that take for ever than there are lanes: the others all get done.
func TestAFewStragglersDoNotStopTheJob(t *testing.T) {
	const n, limit = 2_000, 40
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(5*time.Millisecond))
	tg.Gate = make(chan struct{})
	tg.Held = func(record string) bool {
		i, err := strconv.Atoi(record)
		return err == nil && i%100 == 1 // 20 of them
	}
	b.Worker()
	b.Write("in", harness.Lines(n))
	p := b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", fmt.Sprint(limit), "--timeout", "10m")
	b.Until("all but the stragglers answered", func() bool {
		total, _, inFlight := tg.Counts()
		return total == n && inFlight == n/100
	})
	close(tg.Gate)
	p.Ended(0)
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)
	if _, peak, _ := tg.Counts(); peak > limit {
		t.Errorf("%d requests were in flight, with a cap of %d", peak, limit)
	}
}

// TestResultsAsTheyCome has the first record take for ever: the results of all chunks but its own are there meanwhile, a kill -9 loses none of them, and in the end
// each record has its line once.
func TestResultsAsTheyCome(t *testing.T) {
	const n, limit, first = 2_000, 20, 3 // the first chunk has as many records as one of eight lanes has slots
	b := harness.NewAlone(t)
	tg := harness.NewTarget(t, harness.Fixed(2*time.Millisecond))
	tg.Gate = make(chan struct{})
	tg.Held = func(record string) bool { return record == "1" }
	b.Write("in", harness.Lines(n))
	args := []string{"in", "--output", "out", "--order", "completion", "--http", tg.Template(), "--concurrency", fmt.Sprint(limit), "--timeout", "10m"}
	p := b.Embedded("state", args...)
	b.Until("all but the first chunk written", func() bool {
		total, _, _ := tg.Counts()
		return total == n && committed(b) == n-first
	})
	early := b.Read("out")
	v := b.Start(harness.LonghaulProgram, "verify", "out").Ended(0)
	if !strings.Contains(v.Out(), fmt.Sprintf("verified: 1,%d records", n-first-1000)) || bytes.Contains(early, []byte("\"result 1\"\n")) {
		t.Errorf("verified: %s", v.Out())
	}
	p.Kill()
	p = b.Embedded("state", args...)
	b.Until("the first record asked for again", func() bool { total, _, _ := tg.Counts(); return total > n })
	close(tg.Gate)
	p.Ended(0)
	if got := b.Read("out"); !bytes.HasPrefix(got, early) {
		t.Error("what was written early was changed")
	}
	got, want := slices.Sorted(strings.Lines(string(b.Read("out")))), slices.Sorted(strings.Lines(string(harness.Oracle(n))))
	if !slices.Equal(got, want) {
		t.Errorf("%d lines, want %d, each once", len(got), len(want))
	}
	if total, _, _ := tg.Counts(); total != n+1 {
		t.Errorf("%d requests for %d records, of which one was in flight at the kill", total, n)
	}
	b.Tidy("out")
	b.Start(harness.LonghaulProgram, "verify", "out").Ended(0)
	if again := b.Embedded("state", args...).Ended(0); !strings.Contains(again.Out(), "already done") {
		t.Errorf("a third time: %s", again.Out())
	}
	b.Embedded("state", slices.Concat(args, []string{"--order", "input"})...).Ended(1).Says("its order is completion, not input")
}
