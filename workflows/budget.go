package workflows

import (
	"encoding/json"

	"github.com/longhaul/longhaul/job"
)

// stopChunks is how many chunks with failures an append is shown that is to name their causes.
const stopChunks = 16

// tooManyFailures says why to stop: more of the records that are done, committed or not, have failed than may. An append finds out by itself when it comes to
// the chunk with which that is so; here it is found out while a slow record keeps appends from coming there.
func (c *coordinator) tooManyFailures() *job.Stop {
	if !c.budgeted || c.stopping {
		return nil
	}
	s := &job.Stop{Failed: c.totals.Failed, Records: c.position.Records + c.ahead.Records()}
	for _, r := range c.ready {
		s.Failed += r.Failed
		s.Records += int64(r.Records)
		if r.Failed > 0 && len(s.Chunks) < stopChunks {
			s.Chunks = append(s.Chunks, r.Chunk)
		}
	}
	if len(s.Chunks) == 0 || !c.spec.MaxFailures.Exceeded(s.Failed, s.Records) {
		return nil
	}
	return s
}

// budgeted says whether a Spec gives a failure budget. Those of before there was one do not: their runs go on, and replay, as they began, and only their appends keep to
// the default.
func budgeted(raw json.RawMessage) bool {
	var s struct {
		MaxFailures job.Budget `json:"maxFailures"`
	}
	return json.Unmarshal(raw, &s) == nil && s.MaxFailures != ""
}
