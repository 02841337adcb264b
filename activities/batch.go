package activities

import (
	"sync"

	"github.com/longhaul/longhaul/internal/metrics"
	"github.com/longhaul/longhaul/segment"
)

// instantBatch is how many records of a task without I/O one slot runs at a time.
const instantBatch = 64

// batch is records of an instant task, run one after the other in one slot and written at once.
type batch struct {
	run      *chunkRun
	attempts []attempt // never moved: attempts that are tried again are pointed to
	size     int       // of the records, in bytes
	bytes    []byte    // of the last records
	frames   []segment.Frame
}

// batches are used again once all their records are in the segment, which keeps none of them.
var batches = sync.Pool{New: func() any {
	return &batch{attempts: make([]attempt, 0, instantBatch), frames: make([]segment.Frame, 0, instantBatch)}
}}

// maxBatchBytes is the input above which a batch takes no more records.
const maxBatchBytes = 256 << 10

func (b *batch) add(a attempt, record []byte) {
	if len(b.bytes)+len(record) > cap(b.bytes) {
		b.bytes = make([]byte, 0, max(4<<10, len(record))) // the records before keep the old one
	}
	b.size += len(record)
	start := len(b.bytes)
	b.bytes = append(b.bytes, record...)
	a.record.Input = b.bytes[start:len(b.bytes):len(b.bytes)]
	b.attempts = append(b.attempts, a)
}

// Run implements slots.Work.
func (b *batch) Run() {
	var latency metrics.Counts
	for i := range b.attempts {
		f, done, took := b.attempts[i].try()
		if took > 0 {
			latency.Observe(took)
		}
		if done {
			b.frames = append(b.frames, f)
		}
	}
	b.run.tellTries(&latency)
	done := len(b.frames)
	if err := b.run.segment.Append(b.frames...); err != nil {
		b.run.fail(err)
		done = 0
	}
	b.run.landed(len(b.attempts), done)
	if done == len(b.attempts) {
		b.recycle()
	}
}

func (b *batch) recycle() {
	if cap(b.bytes) > maxBatchBytes {
		b.bytes = nil
	}
	clear(b.attempts)
	clear(b.frames)
	b.run, b.attempts, b.size, b.bytes, b.frames = nil, b.attempts[:0], 0, b.bytes[:0], b.frames[:0]
	batches.Put(b)
}
