package segment_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/segment"
)

// tb is what helpers need of testing.TB and of rapid.TB.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

var gen = segment.Generation{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// chunkOf is a chunk somewhere in an input.
func chunkOf(records int) job.Chunk {
	return job.Chunk{First: 2000, Records: records, Offset: 81_000, Length: int64(7 * records), Checksum: 0xfeedbeef}
}

// outcome is the frame of record i in these tests: every third fails, every fourth has an empty payload.
func outcome(i int) segment.Frame {
	f := segment.Frame{Index: i, Status: segment.Result, Tries: i + 1, Micros: int64(1000 * i)}
	if i%3 == 2 {
		f.Status = segment.Failure
	}
	if i%4 != 3 {
		f.Payload = fmt.Appendf(nil, "outcome %d", i)
	}
	return f
}

func outcomes(indexes ...int) []segment.Frame {
	fs := make([]segment.Frame, len(indexes))
	for n, i := range indexes {
		fs[n] = outcome(i)
	}
	return fs
}

func open(t tb, fs fsys.FS, dir string, c job.Chunk) *segment.Writer {
	t.Helper()
	w, err := segment.Open(context.Background(), fs, dir, gen, c)
	must(t, err)
	return w
}

func must(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

// write makes a segment of those outcomes, in that order, and seals it where it is asked to.
func write(t tb, fs fsys.FS, dir string, c job.Chunk, seal bool, indexes ...int) {
	t.Helper()
	w := open(t, fs, dir, c)
	must(t, w.Append(outcomes(indexes...)...))
	if seal {
		_, err := w.Seal()
		must(t, err)
	}
	must(t, w.Close())
}

// finish appends the outcomes that are missing, in the given order, seals and closes.
func finish(t tb, w *segment.Writer, order []int) {
	t.Helper()
	for _, i := range order {
		if !w.Has(i) {
			must(t, w.Append(outcome(i)))
		}
	}
	_, err := w.Seal()
	must(t, err)
	must(t, w.Close())
}

// read returns the frames of a sealed segment in record order.
func read(t tb, fs fsys.FS, dir string, c job.Chunk) []segment.Frame {
	t.Helper()
	r, err := segment.OpenReader(fs, dir, gen, c)
	must(t, err)
	frames := make([]segment.Frame, c.Records)
	for i := range frames {
		f, err := r.Read(i)
		must(t, err)
		f.Payload = bytes.Clone(f.Payload)
		frames[i] = f
	}
	must(t, r.Close())
	return frames
}

func same(a, b segment.Frame) bool {
	return a.Index == b.Index && a.Status == b.Status && a.Tries == b.Tries && a.Micros == b.Micros && bytes.Equal(a.Payload, b.Payload)
}

// wantOutcomes fails unless the sealed segment of c holds the outcome of each of its records.
func wantOutcomes(t tb, fs fsys.FS, dir string, c job.Chunk) {
	t.Helper()
	for i, f := range read(t, fs, dir, c) {
		if !same(f, outcome(i)) {
			t.Fatalf("record %d reads %+v, want %+v", i, f, outcome(i))
		}
	}
}

func path(dir string, c job.Chunk) string { return filepath.Join(dir, segment.Name(c)) }

func bytesOf(t tb, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	must(t, err)
	return b
}

func put(t tb, name string, content []byte) {
	t.Helper()
	must(t, os.WriteFile(name, content, 0o600))
}

// ints returns [0, n).
func ints(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// edited returns a copy of b that edit has changed.
func edited(b []byte, edit func([]byte)) []byte {
	c := bytes.Clone(b)
	edit(c)
	return c
}

func wantMissing(t *testing.T, w *segment.Writer, want ...int) {
	t.Helper()
	if w.Missing() != len(want) {
		t.Errorf("%d records are missing, want %d", w.Missing(), len(want))
	}
	for _, i := range want {
		if w.Has(i) {
			t.Errorf("record %d should be missing", i)
		}
	}
}
