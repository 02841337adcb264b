// Package metrics is what a worker tells of its work: numbers that the activities add to, beside those of Temporal's SDK, served in Prometheus'
// text format by OpenTelemetry. docs/metrics.md describes each.
//
// The numbers are atomic integers, read when somebody asks. Whoever does the work adds to them by the chunk or by the batch where it does too
// many records to count each; with metrics off there is nothing to add to, which is a nil *Task.
package metrics

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Metrics is a worker's numbers. A nil *Metrics takes none. It is safe for concurrent use.
type Metrics struct {
	mu    sync.Mutex
	tasks map[string]*Task
	jobs  func() []Job
}

// Task is the numbers of one task, by its name. All of them only grow. A nil *Task takes none.
type Task struct {
	name string
	// Succeeded and Failed records have their result, or their failure, in a segment.
	Succeeded, Failed atomic.Int64
	// Retries is tries that failed and that another will follow. Starved is those that the worker's machine could not make.
	Retries, Starved atomic.Int64
	// Chunks were finished, and InputBytes read for them.
	Chunks, InputBytes atomic.Int64
	// Outages is attempts at a chunk that ended since the far side seemed to be down.
	Outages atomic.Int64
	// Committed records have their line in the output, and OutputBytes is those lines.
	Committed, OutputBytes atomic.Int64
	// Latency is how long tries took.
	Latency Histogram
}

// Job is how a job that a worker has chunks of stands.
type Job struct {
	// ID is the workflow's.
	ID string
	// Chunks are being processed here, by Used of Granted slots.
	Chunks, Granted, Used int
	// Position is how many records the output answers, in the input's order.
	Position int64
	// Ahead is what is finished and waits for records before it: records, in chunks, whose segments have that many bytes.
	AheadRecords, AheadChunks, AheadBytes int64
	// Known says whether Position and Ahead could be read.
	Known bool
}

// Task returns the numbers of the task of that name.
func (m *Metrics) Task(name string) *Task {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tasks[name]
	if t == nil {
		t = &Task{name: name}
		if m.tasks == nil {
			m.tasks = map[string]*Task{}
		}
		m.tasks[name] = t
	}
	return t
}

// Watch has the jobs asked for whenever somebody asks for the numbers.
func (m *Metrics) Watch(jobs func() []Job) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.jobs = jobs
}

// now returns the tasks, by name, and the jobs.
func (m *Metrics) now() (tasks []*Task, jobs []Job) {
	m.mu.Lock()
	watched := m.jobs
	for _, t := range m.tasks {
		tasks = append(tasks, t)
	}
	m.mu.Unlock()
	slices.SortFunc(tasks, func(a, b *Task) int { return cmp.Compare(a.name, b.name) })
	if watched != nil {
		jobs = watched()
	}
	return tasks, jobs
}

// bounds are the upper ends of the buckets of a Histogram: tasks last from a millisecond to an hour.
var bounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
	30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour,
}

// Counts is a histogram for one goroutine. The zero Counts is empty.
type Counts struct {
	buckets [len(bounds) + 1]uint64
	sum     time.Duration
}

// Observe counts a duration.
func (c *Counts) Observe(d time.Duration) {
	c.buckets[bucket(d)]++
	c.sum += d
}

// Histogram is a histogram for many. The zero Histogram is empty.
type Histogram struct {
	buckets [len(bounds) + 1]atomic.Uint64
	sum     atomic.Int64
}

// Observe counts a duration.
func (h *Histogram) Observe(d time.Duration) {
	h.buckets[bucket(d)].Add(1)
	h.sum.Add(int64(d))
}

// Add counts what was counted elsewhere.
func (h *Histogram) Add(c *Counts) {
	for i, n := range c.buckets {
		if n > 0 {
			h.buckets[i].Add(n)
		}
	}
	h.sum.Add(int64(c.sum))
}

// Count is how many durations were counted.
func (h *Histogram) Count() (n int64) {
	for i := range h.buckets {
		n += int64(h.buckets[i].Load())
	}
	return n
}

// bucket is the index of the bucket that a duration falls into: the first whose bound is not less.
func bucket(d time.Duration) int {
	for i, b := range bounds {
		if d <= b {
			return i
		}
	}
	return len(bounds)
}
