package shape

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
)

const (
	// maxSteps is how many steps gojq may take for a value, beside stepsPerByte for each of its bytes.
	maxSteps     = 10_000_000
	stepsPerByte = 200
	// lookEvery is after how many steps the memory is looked at, and so it is when a value of noteworthy bytes was made. maxGrowth is by how many bytes all of this process may have
	// grown meanwhile, beside growthPerByte for each byte of the value.
	lookEvery     = 1024
	noteworthy    = 256 << 10
	maxGrowth     = 256 << 20
	growthPerByte = 32
)

// turns lets as many expressions run at once as there are processors: more would not be quicker, and take more memory.
var turns = make(chan struct{}, runtime.GOMAXPROCS(0))

// notes counts the values of many bytes that expressions made.
var notes atomic.Int64

func note(n int) {
	if n > noteworthy {
		notes.Add(1)
	}
}

// limited is the context of one run of an expression. gojq asks it before each step, in one goroutine, whether it is done.
type limited struct {
	context.Context
	done  <-chan struct{} // the Context's
	size  int
	steps int
	notes int64
	heap  uint64 // its bytes at the beginning, or at the first look of a long run
	err   error
}

// closed is always done.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Done counts a step.
func (l *limited) Done() <-chan struct{} {
	l.steps++
	if n := notes.Load(); n != l.notes || l.steps%lookEvery == 0 {
		l.notes = n
		l.look()
	}
	if l.err != nil {
		return closed
	}
	return l.done
}

// Err says why it is done.
func (l *limited) Err() error {
	if l.err != nil {
		return l.err
	}
	return l.Context.Err()
}

// errMemory may be other records' doing.
var errMemory = errors.New("it takes too much memory")

func (l *limited) look() {
	heap := heapBytes()
	switch {
	case l.heap == 0:
		l.heap = heap
	case heap > l.heap+maxGrowth+uint64(l.size)*growthPerByte:
		l.err = fmt.Errorf("%w: the worker's has grown by %d MiB meanwhile", errMemory, (heap-l.heap)>>20)
	case l.steps > maxSteps+l.size*stepsPerByte:
		l.err = fmt.Errorf("it takes too long: %d steps", l.steps)
	}
}

// heapBytes is what is on the heap, garbage that was not swept yet included.
func heapBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
