package workflows

import (
	"cmp"
	"slices"

	"github.com/longhaul/longhaul/job"
)

// In the order of completion a segment is appended as soon as it is ready, wherever it lies. The output's manifest knows what is committed ahead of the
// position; the coordinator keeps the same in mind, for its bounds and its progress.

// maxSpans bounds what is committed ahead of the position, and so the manifest and what Prepare answers: a span ends where a chunk is not committed yet, and
// no more of those are started than the window holds.
const maxSpans = 1_000

// committed is what a former run has committed ahead.
func committed(segments []job.Segment) (a job.Ahead) {
	for _, s := range segments {
		if s.Committed {
			a = a.Add(s.Chunk)
		}
	}
	return a
}

// gather fills a request with what is ready.
func (c *coordinator) gather(q *job.AppendRequest) {
	var bytes int64
	for _, s := range c.ready {
		if len(q.Chunks) == appendChunks || bytes > appendBytes {
			break
		}
		q.Chunks = append(q.Chunks, s.Chunk)
		bytes += s.Bytes
	}
	q.Answered = c.position.Records + c.ahead.Records()
	q.Final = c.listedAll && len(q.Chunks) == len(c.ready) && len(c.queue)+len(c.running)+len(c.leftovers) == 0 && c.listing == nil
}

// onGathered takes note of what was committed of a request.
func (c *coordinator) onGathered(r job.Appended) {
	taken := c.appended.Chunks[:r.Taken]
	for _, chunk := range taken {
		c.ahead = c.ahead.Add(chunk)
	}
	_, _, c.ahead = c.ahead.From(r.Position.Records, r.Position.InputOffset)
	c.position, c.totals, c.digest, c.complete = r.Position, r.Totals, r.OutputDigest, r.Complete
	c.ready = slices.DeleteFunc(c.ready, func(s job.Segment) bool { return slices.Contains(taken, s.Chunk) })
	switch {
	case r.Further:
		c.stopping, c.closed = true, true // the output is further than this run knows: ask it anew
	case r.Taken < len(c.appended.Chunks):
		c.again(c.appended.Chunks[r.Taken])
	}
}

// again queues a chunk whose segment is missing or damaged.
func (c *coordinator) again(chunk job.Chunk) {
	c.ready = slices.DeleteFunc(c.ready, func(s job.Segment) bool { return s.Chunk == chunk })
	if c.unseal(chunk) {
		return
	}
	at, _ := slices.BinarySearchFunc(c.queue, chunk.First, func(q queued, first int64) int { return cmp.Compare(q.First, first) })
	c.queue = slices.Insert(c.queue, at, queued{chunk, true})
}
