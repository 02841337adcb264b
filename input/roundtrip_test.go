package input

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
)

// line is a random line: mostly short ones of bytes that matter to a splitter, and some about as long as a buffer.
var line = rapid.Custom(func(t *rapid.T) []byte {
	short := rapid.SliceOfN(rapid.SampledFrom([]byte{'a', '\r', 0, 0xff, 0xc3, ' ', '"'}), 0, 6).Draw(t, "line")
	if rapid.IntRange(0, 49).Draw(t, "kind") == 0 {
		size := rapid.SampledFrom([]int{readBuffer, listBuffer}).Draw(t, "buffer") + rapid.IntRange(-3, 3).Draw(t, "more")
		short = append(bytes.Repeat([]byte{'x'}, size-len(short)), short...)
	}
	return append(short, rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")...)
})

var content = rapid.Custom(func(t *rapid.T) []byte {
	c := bytes.Join(rapid.SliceOfN(line, 0, 40).Draw(t, "lines"), nil)
	if rapid.Bool().Draw(t, "end without a newline") {
		c = bytes.TrimSuffix(c, []byte{'\n'})
	}
	return c
})

var request = rapid.Custom(func(t *rapid.T) job.ListRequest {
	return job.ListRequest{
		Chunks:  rapid.IntRange(1, 9).Draw(t, "chunks"),
		Records: rapid.SampledFrom([]int{1, 2, 7, 1 << 30}).Draw(t, "records"),
		Bytes:   rapid.SampledFrom([]int64{1, 2, 10, 1 << 16, 1 << 40}).Draw(t, "bytes"),
		// Small against Records, to grow up to it.
		StartRecords: rapid.IntRange(0, 8).Draw(t, "start records"),
		Taper:        rapid.IntRange(0, 5).Draw(t, "taper"), MinRecords: rapid.IntRange(0, 5).Draw(t, "min records"),
	}
})

// TestEveryRecordIsListedAndReadOnce lists page by page, each request by its own bounds, and reads the chunks.
func TestEveryRecordIsListedAndReadOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := content.Draw(t, "content")
		var cs []job.Chunk
		var at job.Chunk // of which only the end counts
		for end := false; !end; {
			q := request.Draw(t, "request")
			q.Record, q.Offset = at.End(), at.EndOffset()
			p := listPage(t, content, q)
			for _, c := range p.Chunks {
				if c.First != at.End() || c.Offset != at.EndOffset() || c.Records < 1 {
					t.Fatalf("after %+v comes %+v", at, c)
				}
				at = c
			}
			cs = append(cs, p.Chunks...)
			if end = p.End; !end && len(p.Chunks) != q.Chunks {
				t.Fatalf("a page of %d chunks where %d were asked for, and more to come", len(p.Chunks), q.Chunks)
			}
			if end != (at.EndOffset() == int64(len(content))) {
				t.Fatalf("end is %t at byte %d of %d", end, at.EndOffset(), len(content))
			}
		}
		readAll(t, content, cs)
	})
}

// TestUntilEndsAListing: up to the beginning of a record the listing covers what is before it; up to any other byte it finds the
// input changed.
func TestUntilEndsAListing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := content.Filter(func(c []byte) bool { return len(c) > 1 }).Draw(t, "content")
		q := whole()
		q.Records = rapid.IntRange(1, 5).Draw(t, "records")
		q.Chunks = 100
		q.Until = rapid.Int64Range(1, int64(len(content)-1)).Draw(t, "until")
		if content[q.Until-1] != '\n' {
			if _, err := list(content, q); job.KindOf(err) != job.InputChanged {
				t.Fatalf("until byte %d, where no record begins: %v", q.Until, err)
			}
			return
		}
		if p := listPage(t, content, q); p.End {
			t.Fatalf("byte %d of %d is not the end", q.Until, len(content))
		} else {
			readAll(t, content[:q.Until], p.Chunks)
		}
	})
}

// FuzzListAndRead compares both with the naive way, for any content and request.
func FuzzListAndRead(f *testing.F) {
	f.Add([]byte("a\nb\r\n\n\x00\xff\n\r"), uint16(2), uint16(3), uint8(2), uint8(2), uint8(1), uint8(1))
	f.Add([]byte("\n"), uint16(1), uint16(1), uint8(1), uint8(0), uint8(0), uint8(0))
	f.Add([]byte(""), uint16(1), uint16(1), uint8(1), uint8(0), uint8(0), uint8(0))
	f.Add(append(bytes.Repeat([]byte{'x'}, readBuffer), "\r\n\n\n"...), uint16(9), uint16(60_000), uint8(9), uint8(9), uint8(2), uint8(0))
	f.Fuzz(func(t *testing.T, content []byte, records, length uint16, chunks, taper, minRecords, startRecords uint8) {
		q := job.ListRequest{
			Chunks: int(chunks) + 1, Records: int(records) + 1, Bytes: int64(length) + 1, Taper: int(taper), MinRecords: int(minRecords),
			StartRecords: int(startRecords),
		}
		var cs []job.Chunk
		for end := false; !end; {
			p := listPage(t, content, q)
			cs = append(cs, p.Chunks...)
			if end = p.End; !end {
				last := cs[len(cs)-1]
				q.Record, q.Offset = last.End(), last.EndOffset()
			}
		}
		readAll(t, content, cs)
	})
}
