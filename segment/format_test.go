package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
)

func drawChunk(t *rapid.T) job.Chunk {
	c := job.Chunk{
		Records:  int(rapid.Uint32Min(1).Draw(t, "records")),
		Length:   rapid.Int64Min(1).Draw(t, "length"),
		Checksum: rapid.Uint32().Draw(t, "checksum"),
	}
	c.First = rapid.Int64Range(0, math.MaxInt64-int64(c.Records)).Draw(t, "first")
	c.Offset = rapid.Int64Range(0, math.MaxInt64-c.Length).Draw(t, "offset")
	return c
}

func TestHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawChunk(t)
		g := Generation(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "generation"))
		gotG, gotC, err := decodeHeader(encodeHeader(g, c))
		if err != nil || gotG != g || gotC != c {
			t.Fatalf("%x %+v, %v; want %x %+v", gotG, gotC, err, g, c)
		}
	})
}

// Segments are listed by name, so names must sort as their chunks do.
func TestNamesSortByFirstRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawChunk(t), drawChunk(t)
		if a.First > b.First {
			a, b = b, a
		}
		if a.First != b.First && Name(a) >= Name(b) {
			t.Fatalf("%s does not sort before %s", Name(a), Name(b))
		}
	})
}

func TestDecodeHeaderNamesEachDamage(t *testing.T) {
	c := job.Chunk{First: 7, Records: 3, Offset: 90, Length: 12, Checksum: 1}
	with := func(edit func(*job.Chunk)) []byte {
		d := c
		edit(&d)
		return encodeHeader(Generation{1}, d)
	}
	edited := func(at int) []byte {
		b := encodeHeader(Generation{1}, c)
		b[at] ^= 1
		return b
	}
	tests := map[string]struct {
		bytes []byte
		want  error
	}{
		"nothing":              {nil, ErrTruncated},
		"cut short":            {encodeHeader(Generation{1}, c)[:63], ErrTruncated},
		"another magic":        {edited(0), ErrMagic},
		"another version":      {edited(8), ErrVersion},
		"a bit of the chunk":   {edited(33), ErrChecksum},
		"a bit of the flags":   {edited(10), ErrChecksum},
		"a bit of the sum":     {edited(63), ErrChecksum},
		"no records":           {with(func(d *job.Chunk) { d.Records = 0 }), ErrFrame},
		"no input":             {with(func(d *job.Chunk) { d.Length = 0 }), ErrFrame},
		"negative first":       {with(func(d *job.Chunk) { d.First = -1 }), ErrFrame},
		"negative offset":      {with(func(d *job.Chunk) { d.Offset = -1 }), ErrFrame},
		"negative length":      {with(func(d *job.Chunk) { d.Length = -1 }), ErrFrame},
		"end beyond all":       {with(func(d *job.Chunk) { d.First = math.MaxInt64 - 1 }), ErrFrame},
		"end offset beyond it": {with(func(d *job.Chunk) { d.Offset = math.MaxInt64 - 1 }), ErrFrame},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, _, err := decodeHeader(tt.bytes); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Frame{
			Index:   int(rapid.Uint32Max(math.MaxUint32-1).Draw(t, "index")),
			Status:  rapid.SampledFrom([]Status{Result, Failure}).Draw(t, "status"),
			Tries:   int(rapid.Uint16().Draw(t, "tries")),
			Micros:  rapid.Int64Min(0).Draw(t, "micros"),
			Payload: rapid.SliceOf(rapid.Byte()).Draw(t, "payload"),
		}
		before := rapid.SliceOf(rapid.Byte()).Draw(t, "what stands before it")
		b := appendFrame(before, f)[len(before):]
		got, length, err := decodeFrameHeader(b, math.MaxUint32)
		got.Payload = f.Payload
		if err != nil || length != len(f.Payload) || fmt.Sprint(got) != fmt.Sprint(f) {
			t.Fatalf("%+v of %d bytes, %v; want %+v", got, length, err, f)
		}
		n := len(b) - 4
		if !bytes.Equal(b[frameHeader:n], f.Payload) || le.Uint32(b[n:]) != checksum(b[:n]) {
			t.Fatalf("payload or checksum do not stand where they should: %x", b)
		}
	})
}

func TestDecodeFrameHeaderRefusesALengthBeyondTheFormat(t *testing.T) {
	b := appendFrame(nil, Frame{Status: Result})
	le.PutUint32(b[16:], MaxPayload)
	if _, length, err := decodeFrameHeader(b, 1); err != nil || length != MaxPayload {
		t.Errorf("the largest payload: %d, %v", length, err)
	}
	le.PutUint32(b[16:], MaxPayload+1)
	if _, _, err := decodeFrameHeader(b, 1); !errors.Is(err, ErrFrame) {
		t.Errorf("got %v, want %v", err, ErrFrame)
	}
}

func TestIndexRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(headerSize+frameSize, 1<<40).Draw(t, "end of the frames")
		offsets := rapid.SliceOfN(rapid.Int64Range(headerSize, at-frameSize), 1, 50).Draw(t, "offsets")
		n := func(name string) int64 { return rapid.Int64Min(0).Draw(t, name) }
		s := Summary{
			ResultBytes: n("result bytes"), FailureBytes: n("failure bytes"),
			Totals: job.Totals{Failed: n("failed"), Tries: n("tries"), TaskMicros: n("micros")},
		}
		b := appendIndex(nil, offsets, at, s)
		s.Bytes = at + int64(len(b))
		cut := int64(len(b)) - trailerSize
		gotAt, gotS, err := decodeTrailer(b[cut:], len(offsets), s.Bytes)
		if err != nil || gotAt != at || gotS != s {
			t.Fatalf("%d %+v, %v; want %d %+v", gotAt, gotS, err, at, s)
		}
		got, err := decodeFooter(b[:cut], len(offsets), at)
		if err != nil || !slices.Equal(got, offsets) {
			t.Fatalf("%v, %v; want %v", got, err, offsets)
		}
	})
}

func TestDecodeTrailerNamesEachDamage(t *testing.T) {
	const at, records = headerSize + 2*frameSize, 2
	size := at + footerSize(records) + trailerSize
	trailer := func(at int64) []byte {
		b := appendIndex(nil, make([]int64, records), at, Summary{})
		return b[len(b)-trailerSize:]
	}
	edited := func(i int) []byte {
		b := trailer(at)
		b[i] ^= 1
		return b
	}
	tests := map[string]struct {
		bytes   []byte
		records int
		size    int64
		want    error
	}{
		"whole":                 {trailer(at), records, size, nil},
		"cut short":             {trailer(at)[1:], records, size, ErrUnsealed},
		"another magic":         {edited(52), records, size, ErrUnsealed},
		"a bit of the footer's": {edited(0), records, size, ErrChecksum},
		"a bit of the sum":      {edited(48), records, size, ErrChecksum},
		"of another file":       {trailer(at), records, size + 1, ErrUnsealed},
		"of more records":       {trailer(at), records + 1, size, ErrUnsealed},
		"footer in the header":  {trailer(headerSize - 1), records, headerSize - 1 + footerSize(records) + trailerSize, ErrUnsealed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, _, err := decodeTrailer(tt.bytes, tt.records, tt.size); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestDecodeFooterNamesEachDamage(t *testing.T) {
	const at = headerSize + 2*frameSize
	footer := func(offsets ...int64) []byte {
		b := appendIndex(nil, offsets, at, Summary{})
		return b[:len(b)-trailerSize]
	}
	marked := footer(headerSize, headerSize+frameSize)
	marked[0] = 0
	le.PutUint32(marked[len(marked)-4:], checksum(marked[:len(marked)-4]))
	edited := footer(headerSize, headerSize+frameSize)
	edited[9] ^= 1
	tests := map[string]struct {
		bytes []byte
		want  error
	}{
		"whole":                   {footer(headerSize, headerSize+frameSize), nil},
		"cut short":               {footer(headerSize, headerSize+frameSize)[1:], ErrTruncated},
		"of more records":         {footer(headerSize, headerSize, headerSize), ErrTruncated},
		"a bit of an offset":      {edited, ErrChecksum},
		"no marker":               {marked, ErrFrame},
		"an offset in the header": {footer(headerSize-1, headerSize), ErrFrame},
		"an offset of no frame":   {footer(headerSize, at-frameSize+1), ErrFrame},
		"a negative offset":       {footer(headerSize, -1), ErrFrame},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := decodeFooter(tt.bytes, 2, at); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestDamageIsWhatRunningAgainRepairs(t *testing.T) {
	for err, want := range map[error]bool{
		ErrMagic: true, ErrChecksum: true, ErrForeign: true, ErrTruncated: true, ErrFrame: true, ErrUnsealed: true,
		ErrVersion: false, fs.ErrNotExist: false, errors.New("disk"): false, nil: false,
	} {
		if got := IsDamage(err); got != want {
			t.Errorf("IsDamage(%v) is %v", err, got)
		}
		if err != nil && IsDamage(fmt.Errorf("with context: %w", err)) != want {
			t.Errorf("IsDamage of a wrapped %v differs", err)
		}
	}
}
