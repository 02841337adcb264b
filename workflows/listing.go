package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/longhaul/longhaul/job"
)

// takeLeftovers moves what a former run left at the cursor: finished segments are ready, others are queued.
func (c *coordinator) takeLeftovers() {
	for len(c.leftovers) > 0 && c.leftovers[0].First == c.cursor.record && c.listing == nil {
		s := c.leftovers[0]
		c.leftovers = c.leftovers[1:]
		switch {
		case s.Committed:
		case s.Sealed:
			c.addReady(s)
		default:
			c.queue = append(c.queue, queued{s.Chunk, true})
		}
		c.cursor = cursor{record: s.End(), offset: s.EndOffset()}
	}
}

// list asks for more chunks when the lanes may soon run out of them.
func (c *coordinator) list(s Sizing) {
	if c.listing != nil || c.listedAll || len(c.queue) >= s.Lanes {
		return
	}
	q := job.ListRequest{
		Output: c.spec.Output, Record: c.cursor.record, Offset: c.cursor.offset, AtRecord: c.cursor.atRecord,
		Chunks: pageChunks(s, c.carried.Pace), Records: max(s.Records, min(s.Fit, c.listedSize)), Bytes: c.spec.Tuning.ChunkBytes,
		Taper: s.Lanes, MinRecords: minRecords(s, c.spec.Tuning),
	}
	if c.carried.Pace.Largest == 0 {
		// Nothing is known yet: chunks of all sizes keep the slots busy until it is, and some more are at hand by then.
		q.Records = min(s.Records<<startDoublings, c.spec.Tuning.ChunkRecords, c.spec.mostRecords(s))
		q.StartRecords = min(max(s.Records, 2*c.lastListed), q.Records)
	}
	if len(c.leftovers) > 0 {
		q.Until = c.leftovers[0].Offset
	}
	c.listedSize = q.Records
	c.listing = listChunks(c.work, q)
	c.activities++
}

// dropOutgrown forgets listed chunks whose size the plan has left far behind: they are listed anew. Small ones keep the lanes busy until then.
func (c *coordinator) dropOutgrown(s Sizing) {
	keep := 0
	switch {
	case c.listing != nil || len(c.leftovers) > 0:
		return
	case outgrown(c.listedSize, s):
		keep = s.Lanes
	case !oversized(c.listedSize, s):
		return
	}
	if len(c.queue) <= keep || slices.ContainsFunc(c.queue, func(q queued) bool { return q.leftover }) {
		return
	}
	next := c.queue[keep]
	if n := len(c.ready); n > 0 && c.ready[n-1].First > next.First {
		return // a former run's segment lies beyond them, which a new listing would run into
	}
	if n := len(c.ahead); n > 0 && c.ahead[n-1].First > next.First {
		return // and so does what it committed
	}
	c.cursor = cursor{next.First, next.Offset, true}
	c.queue, c.listedAll = c.queue[:keep], false
}

func (c *coordinator) onListed(f workflow.Future) {
	c.listing = nil
	var p job.Page
	if err := f.Get(c.work, &p); err != nil {
		c.failed(err)
		return
	}
	for _, chunk := range p.Chunks {
		c.queue = append(c.queue, queued{Chunk: chunk})
		c.cursor = cursor{record: chunk.End(), offset: chunk.EndOffset()}
		c.lastListed = chunk.Records
	}
	c.listedAll = p.End
	if len(p.Chunks) == 0 && !p.End { // it stands where a leftover begins, but at another record
		c.stop(&job.Error{
			Kind: job.InputChanged, Op: "list", Path: c.spec.Input.String(),
			Err:  fmt.Errorf("record %d begins at byte %d, where another one did", c.cursor.record, c.cursor.offset),
			Hint: "restore the input, or start anew with --overwrite",
		})
	}
}
