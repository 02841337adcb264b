package segment_test

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/segment"
)

// payloadSizes are those at which something changes: none, within a block of the reader, about one, over a few, read without the
// cache (above 512 KiB), and above what a buffer is kept for (1 MiB).
var payloadSizes = []int{0, 0, 1, 17, 300, 5_000, 64<<10 - 24, 64 << 10, 64<<10 + 1, 200_000, 512<<10 + 1, 1<<20 + 5, 2<<20 + 77}

// drawFrames draws the outcomes of a chunk's records in order of completion, large payloads seldom.
func drawFrames(t *rapid.T, records int) []segment.Frame {
	order := rapid.Permutation(ints(records)).Draw(t, "order of completion")
	source := rand.NewChaCha8([32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "payloads")))
	random := rand.New(source)
	frames := make([]segment.Frame, records)
	budget := 6 << 20
	for n, i := range order {
		size := payloadSizes[random.IntN(len(payloadSizes))]
		if size > budget || size > 1_000 && random.IntN(3) > 0 {
			size %= 1_000
		}
		budget -= size
		payload := make([]byte, size)
		source.Read(payload)
		frames[n] = segment.Frame{
			Index:   i,
			Status:  rapid.SampledFrom([]segment.Status{segment.Result, segment.Failure}).Draw(t, "status"),
			Tries:   rapid.SampledFrom([]int{-1, 0, 1, 7, math.MaxUint16, math.MaxUint16 + 1, math.MaxInt}).Draw(t, "tries"),
			Micros:  rapid.SampledFrom([]int64{-1, 0, 1, 5_000_000, math.MaxInt64 / 1_000}).Draw(t, "micros"),
			Payload: payload,
		}
	}
	return frames
}

// A segment answers, by record and in whatever order it is asked, what was appended in whatever order, however often its writer died.
func TestSegmentReadsBackWhatWasAppended(t *testing.T) {
	fs := fsystest.Hooked(nil)
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "segment")
		must(t, err)
		defer os.RemoveAll(dir)
		c := chunkOf(rapid.IntRange(1, 60).Draw(t, "records"))
		c.First = rapid.Int64Range(0, math.MaxInt64-100).Draw(t, "first record")
		frames := drawFrames(t, c.Records)
		appendInPieces(t, fs, dir, c, frames)
		wantFrames(t, fs, dir, c, frames)
	})
	if n := fs.Handles(); n != 0 {
		t.Errorf("%d files stayed open", n)
	}
}

func appendInPieces(t *rapid.T, fs *fsystest.FS, dir string, c job.Chunk, frames []segment.Frame) {
	w := open(t, fs, dir, c)
	for rest := frames; len(rest) > 0; {
		n := rapid.IntRange(1, min(5, len(rest))).Draw(t, "records at once")
		must(t, w.Append(rest[:n]...))
		rest = rest[n:]
		if rapid.IntRange(0, 3).Draw(t, "die") == 0 {
			sums := w.Summary()
			must(t, w.Close())
			w = open(t, fs, dir, c)
			if w.Summary() != sums || w.Missing() != len(rest) {
				t.Fatalf("recovered %+v with %d missing, want %+v with %d", w.Summary(), w.Missing(), sums, len(rest))
			}
		}
	}
	sum, err := w.Seal()
	must(t, err)
	must(t, w.Close())
	var want segment.Summary
	for _, f := range frames {
		f = saturated(f)
		want.Tries += int64(f.Tries)
		want.TaskMicros += f.Micros
		if f.Status == segment.Failure {
			want.Failed++
			want.FailureBytes += int64(len(f.Payload))
		} else {
			want.ResultBytes += int64(len(f.Payload))
		}
	}
	if want.Bytes = sum.Bytes; sum != want {
		t.Fatalf("sealed %+v, want %+v", sum, want)
	}
}

func wantFrames(t *rapid.T, fs *fsystest.FS, dir string, c job.Chunk, frames []segment.Frame) {
	byIndex := make([]segment.Frame, c.Records)
	for _, f := range frames {
		byIndex[f.Index] = saturated(f)
	}
	r, err := segment.OpenReader(fs, dir, gen, c)
	must(t, err)
	defer r.Close()
	ask := append(ints(c.Records), rapid.SliceOfN(rapid.IntRange(0, c.Records-1), 0, 40).Draw(t, "asked again")...)
	for _, i := range ask {
		f, err := r.Read(i)
		must(t, err)
		if want := byIndex[i]; !same(f, want) {
			t.Fatalf("record %d: index %d, status %d, %d tries, %d µs, %d bytes (as appended: %v); want %d, %d, %d, %d, %d", i,
				f.Index, f.Status, f.Tries, f.Micros, len(f.Payload), bytes.Equal(f.Payload, want.Payload),
				want.Index, want.Status, want.Tries, want.Micros, len(want.Payload))
		}
	}
}

// saturated is what the format keeps of a frame's numbers.
func saturated(f segment.Frame) segment.Frame {
	f.Tries = min(max(f.Tries, 0), math.MaxUint16)
	f.Micros = max(f.Micros, 0)
	return f
}

func TestSegmentsOfMoreThanOneScanBufferAreRecovered(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(40)
	big := bytes.Repeat([]byte("0123456789abcdef"), 40<<10/16+1)
	w := open(t, fsystest.Hooked(nil), dir, c)
	for i := range c.Records {
		f := outcome(i)
		f.Payload = big[:len(big)-i]
		must(t, w.Append(f))
	}
	must(t, w.Close())
	w, err := segment.Open(context.Background(), fsystest.Hooked(nil), dir, gen, c)
	must(t, err)
	defer w.Close()
	wantMissing(t, w)
}
