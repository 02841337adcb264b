package activities

import (
	"cmp"
	"slices"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/segment"
)

// beyond puts what is committed ahead of the position among the segments there. The segments of such records, which a worker that died may have left or
// made anew, are strays.
func beyond(segments []job.Segment, ahead job.Ahead) (all []job.Segment, strays []string) {
	for _, s := range segments {
		if ahead.Overlaps(s.Chunk) {
			strays = append(strays, segment.Name(s.Chunk))
			continue
		}
		all = append(all, s)
	}
	for _, s := range ahead {
		all = append(all, job.Segment{
			Chunk: job.Chunk{First: s.First, Records: int(s.Records), Offset: s.Offset, Length: s.Length}, Sealed: true, Committed: true,
		})
	}
	slices.SortFunc(all, func(a, b job.Segment) int { return cmp.Compare(a.First, b.First) })
	return all, strays
}

// taken answers an append in the order of completion: how many of the chunks that were asked for are committed, and whether more is than the workflow
// knows of.
func taken(m output.Manifest, chunks []job.Chunk, answered int64) (n int, further bool) {
	for _, c := range chunks {
		if !m.Committed(c) {
			break
		}
		n++
		answered += int64(c.Records)
	}
	return n, m.Answered() > answered
}
