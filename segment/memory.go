package segment

import (
	"slices"
	"sync"
)

// Frames and indexes are encoded and decoded in memory that is used again: an index is large, and there is one a chunk.
var (
	buffers     = sync.Pool{New: func() any { return new([]byte) }}
	offsets     = sync.Pool{New: func() any { return new([]int64) }}
	spareBlocks = sync.Pool{New: func() any { return new([blockSize]byte) }}
)

// maxKeptBuffer is the capacity in bytes above which a buffer is not kept for later.
const maxKeptBuffer = 1 << 20

// keep keeps a buffer for later.
func keep(buf *[]byte) {
	if cap(*buf) <= maxKeptBuffer {
		buffers.Put(buf)
	}
}

// getOffsets returns n offsets of any value.
func getOffsets(n int) []int64 {
	o := *offsets.Get().(*[]int64)
	return slices.Grow(o[:0], n)[:n]
}

// putOffsets takes back what getOffsets gave.
func putOffsets(o []int64) {
	if n := cap(o); n > 0 && 8*n <= maxKeptBuffer {
		offsets.Put(&o)
	}
}
