package job

import (
	"cmp"
	"slices"
)

// Span is neighbouring records that are answered ahead of a Position: those of a chunk, or of several that follow each other.
type Span struct {
	// First is the number of its first record, Records how many there are.
	First   int64 `json:"first"`
	Records int64 `json:"records"`
	// Offset is the byte offset in the input of its first record, Length the bytes up to the end of its last.
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
}

// End is the number of the first record after the span.
func (s Span) End() int64 { return s.First + s.Records }

// EndOffset is the byte offset of the first byte after the span.
func (s Span) EndOffset() int64 { return s.Offset + s.Length }

// Ahead is what is answered ahead of a Position, in order: of a job in the order of completion. No two spans touch.
type Ahead []Span

// Records counts the records.
func (a Ahead) Records() (n int64) {
	for _, s := range a {
		n += s.Records
	}
	return n
}

// Has says whether the whole chunk is among them.
func (a Ahead) Has(c Chunk) bool {
	return slices.ContainsFunc(a, func(s Span) bool { return s.First <= c.First && c.End() <= s.End() })
}

// Overlaps says whether any record of the chunk is among them.
func (a Ahead) Overlaps(c Chunk) bool {
	return slices.ContainsFunc(a, func(s Span) bool { return s.First < c.End() && c.First < s.End() })
}

// Add returns those of a and of a chunk, which must not overlap. It leaves a as it is.
func (a Ahead) Add(c Chunk) Ahead {
	at, _ := slices.BinarySearchFunc(a, c.First, func(s Span, first int64) int { return cmp.Compare(s.First, first) })
	from, to, added := at, at, Span{First: c.First, Records: int64(c.Records), Offset: c.Offset, Length: c.Length}
	if at > 0 && a[at-1].End() == added.First {
		from, added = at-1, join(a[at-1], added)
	}
	if at < len(a) && a[at].First == added.End() {
		to, added = at+1, join(added, a[at])
	}
	return slices.Concat(a[:from], Ahead{added}, a[to:])
}

// join makes one span of two, of which the second follows the first. Between them there may be bytes of records that are not taken.
func join(s, next Span) Span {
	s.Records += next.Records
	s.Length = next.EndOffset() - s.Offset
	return s
}

// From returns how far a position that ended at that record and offset gets with them, and what is left ahead of it. What lies before the position
// is dropped.
func (a Ahead) From(records, inputOffset int64) (int64, int64, Ahead) {
	for len(a) > 0 && a[0].First <= records {
		if a[0].End() > records {
			records, inputOffset = a[0].End(), a[0].EndOffset()
		}
		a = a[1:]
	}
	return records, inputOffset, a
}

// Valid says whether they are in order and lie ahead of a position.
func (a Ahead) Valid(p Position) bool {
	end, offset := p.Records, p.InputOffset
	for _, s := range a {
		if s.First <= end || s.Records < 1 || s.Offset < offset || s.Length < 1 || s.End() < s.First || s.EndOffset() < s.Offset {
			return false
		}
		end, offset = s.End(), s.EndOffset()
	}
	return true
}
