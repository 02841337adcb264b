package activities_test

import (
	"os"
	"testing"

	"github.com/longhaul/longhaul/job"
)

// fiveAhead is a site of ten records in five chunks, all processed, in the order of completion.
func fiveAhead(t *testing.T) (s *site, chunks []job.Chunk) {
	s = newSite(t, echo, numbers(10)...)
	s.spec.Order = job.OrderCompletion
	chunks = s.list(s.prepared().Position, 2)
	for _, c := range chunks {
		s.processed(c, 1)
	}
	s.tried(0)
	return s, chunks
}

func (s *site) ahead(from job.Position, answered int64, final bool, chunks ...job.Chunk) job.Appended {
	s.t.Helper()
	a, err := do(s.t, circumstances{}, s.acts.AppendOutput, job.AppendRequest{
		Output: s.spec.Output, Format: s.spec.Format, From: from, Chunks: chunks, Answered: answered, Final: final,
	})
	if err != nil {
		s.t.Fatalf("append: %v", err)
	}
	return a
}

func TestChunksAreAppendedAsTheyCome(t *testing.T) {
	s, chunks := fiveAhead(t)
	a := s.ahead(job.Position{}, 0, false, chunks[3], chunks[1])
	if s.answers() != lines("6", "7", "2", "3") || a.Taken != 2 || a.Further || a.Position != (job.Position{OutputBytes: 8}) {
		t.Fatalf("%+v, output %q", a, s.answers())
	}
	s.wantSegments(chunks[0], chunks[2], chunks[4])
	if again := s.ahead(job.Position{}, 0, false, chunks[3], chunks[1]); again != a || s.answers() != lines("6", "7", "2", "3") {
		t.Errorf("again %+v, output %q", again, s.answers())
	}

	// A new run finds them, and what a worker that died may have left or made anew of them goes.
	s.write(s.segmentPath(chunks[3]), s.read(s.segmentPath(chunks[4])))
	p := s.prepared()
	want := []job.Segment{
		{Chunk: chunks[0], Sealed: true},
		{Chunk: span(chunks[1]), Sealed: true, Committed: true},
		{Chunk: chunks[2], Sealed: true},
		{Chunk: span(chunks[3]), Sealed: true, Committed: true},
		{Chunk: chunks[4], Sealed: true},
	}
	if len(p.Segments) != len(want) || p.Position != a.Position {
		t.Fatalf("prepared %+v", p)
	}
	for i, got := range p.Segments {
		if got.Bytes = 0; got != want[i] {
			t.Errorf("segment %d is %+v, want %+v", i, got, want[i])
		}
	}
	s.wantSegments(chunks[0], chunks[2], chunks[4])

	// A chunk that is committed is not processed again.
	if r := s.processed(chunks[1], 1); !r.Committed {
		t.Errorf("processed: %+v", r)
	}
	a = s.ahead(p.Position, 4, false, chunks[0])
	if a.Position != (job.Position{Records: 4, InputOffset: 8, OutputBytes: 12}) {
		t.Errorf("after the first chunk %+v", a)
	}
	a = s.ahead(a.Position, 6, true, chunks[2], chunks[4])
	if !a.Complete || a.Position.Records != 10 || a.Totals.Tries != 10 || s.answers() != lines("6", "7", "2", "3", "0", "1", "4", "5", "8", "9") {
		t.Errorf("%+v, output %q", a, s.answers())
	}
	if _, err := s.verify(); err != nil {
		t.Error(err)
	}
	s.wantSegments()
}

// span is a chunk as the manifest has it ahead.
func span(c job.Chunk) job.Chunk {
	c.Checksum = 0
	return c
}

// What is committed ahead may lie against what a worker made anew with other boundaries: neither is run or appended twice.
func TestASegmentThatOverlapsWhatIsCommittedIsAStray(t *testing.T) {
	s, chunks := fiveAhead(t)
	s.ahead(job.Position{}, 0, false, chunks[1])
	wide := s.list(job.Position{}, 5)[0] // of records 0 to 4
	for _, c := range chunks {
		if err := os.Remove(s.segmentPath(c)); err != nil && c != chunks[1] {
			t.Fatal(err)
		}
	}
	s.processed(wide, 1)
	p := s.prepared()
	if len(p.Segments) != 1 || !p.Segments[0].Committed {
		t.Errorf("%+v", p.Segments)
	}
	s.wantSegments()
}

func TestAnAppendAheadStopsBeforeADamagedSegment(t *testing.T) {
	s, chunks := fiveAhead(t)
	b := []byte(s.read(s.segmentPath(chunks[2])))
	b[64+20] ^= 1
	s.write(s.segmentPath(chunks[2]), string(b))
	a := s.ahead(job.Position{}, 0, true, chunks...)
	if a.Complete || a.Taken != 2 || a.Further || s.answers() != lines("0", "1", "2", "3") {
		t.Fatalf("%+v, output %q", a, s.answers())
	}
	s.wantSegments(chunks[2:]...)
	s.processed(chunks[2], 1)
	a = s.ahead(a.Position, 4, true, chunks[2:]...)
	if !a.Complete || a.Taken != 3 || s.answers() != lines(numbers(10)...) {
		t.Errorf("%+v, output %q", a, s.answers())
	}
}

// TestAnAppendAheadTellsOfMore has another chunk committed than the workflow knows of.
func TestAnAppendAheadTellsOfMore(t *testing.T) {
	s, chunks := fiveAhead(t)
	s.ahead(job.Position{}, 0, false, chunks[3], chunks[4])
	if a := s.ahead(job.Position{}, 0, false, chunks[3]); a.Taken != 1 || !a.Further {
		t.Errorf("%+v", a)
	}
	if a := s.ahead(job.Position{}, 0, false, chunks[0]); a.Taken != 0 || !a.Further {
		t.Errorf("%+v", a)
	}
}
