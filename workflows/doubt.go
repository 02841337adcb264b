package workflows

import (
	"cmp"
	"slices"

	"github.com/longhaul/longhaul/job"
)

// A chunk comes back in doubt where records used their tries up and nothing told whether the far side was up: few slots, and small chunks. It waits, without
// slots, until another chunk's records were answered, or until so many are in doubt that it is an outage. See docs/decisions/0008.

// doubtful is a chunk in doubt.
type doubtful struct {
	chunk   job.Chunk
	records int
}

// doubt takes note of a chunk in doubt.
func (c *coordinator) doubt(d doubtful) {
	c.doubts = append(c.doubts, d)
	if c.inDoubt() >= c.spec.Tuning.OutageFailures {
		c.again(job.DoubtWait)
	}
}

// inDoubt is how many records are.
func (c *coordinator) inDoubt() (records int) {
	for _, d := range c.doubts {
		records += d.records
	}
	return records
}

// answered takes note that the far side is up: what fails now has failed.
func (c *coordinator) answered() {
	c.again(job.DoubtDecide)
	for i, q := range c.queue {
		if q.doubt != "" {
			c.queue[i].doubt = job.DoubtDecide
		}
	}
}

// decide has the chunks in doubt run again where there is nothing left that could tell more.
func (c *coordinator) decide(s Sizing) {
	if len(c.doubts) == 0 || len(c.running) > 0 || c.listing != nil || c.control.Paused {
		return
	}
	c.again(job.DoubtDecide)
	c.process(s)
}

// again queues the chunks in doubt.
func (c *coordinator) again(how job.Doubt) {
	for _, d := range c.doubts {
		c.enqueue(queued{Chunk: d.chunk, leftover: true, doubt: how})
	}
	c.doubts = nil
}

// enqueue puts a chunk into its place in the queue.
func (c *coordinator) enqueue(q queued) {
	at, _ := slices.BinarySearchFunc(c.queue, q.First, func(q queued, first int64) int { return cmp.Compare(q.First, first) })
	c.queue = slices.Insert(c.queue, at, q)
}

// doubtOf is what a chunk is to do that is started now: the last one of a job need not come back.
func (c *coordinator) doubtOf(q queued) job.Doubt {
	if q.doubt == "" && (len(c.running)+len(c.doubts)+len(c.leftovers) > 0 || c.listing != nil || !c.nothingWaits()) {
		return job.DoubtReturn
	}
	return q.doubt
}
