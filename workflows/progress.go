package workflows

import "github.com/longhaul/longhaul/job"

// progress answers the query of that name.
func (c *coordinator) progress() job.Progress {
	p := job.Progress{
		Position: c.position, Totals: c.totals, Listed: c.cursor.record, ListedBytes: c.cursor.offset, ListedAll: c.listedAll,
		CommittedAhead: c.ahead.Records(), InputBytes: c.inputBytes, Running: len(c.running), Runs: c.carried.Runs,
		ChunkRecords: c.plan().Records, Control: c.control,
	}
	for _, s := range c.ready {
		p.Ahead += int64(s.Records)
		p.AheadFailed += s.Failed
	}
	for _, l := range c.running {
		p.Slots += l.held.slots
	}
	return p
}
