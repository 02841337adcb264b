package segment_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/segment"
)

// span is a chunk of records [first, end).
func span(first, end int64) job.Chunk {
	return job.Chunk{First: first, Records: int(end - first), Offset: 10 * first, Length: 10 * (end - first), Checksum: uint32(first)}
}

// sealed and begun make a segment, whole or of one record.
func sealed(t *testing.T, dir string, c job.Chunk) {
	t.Helper()
	write(t, fsystest.Hooked(nil), dir, c, true, ints(c.Records)...)
}

func begun(t *testing.T, dir string, c job.Chunk) {
	t.Helper()
	write(t, fsystest.Hooked(nil), dir, c, false, 0)
}

func TestListReturnsWhatCanBeUsedAgainInOrder(t *testing.T) {
	tests := map[string]struct {
		make   func(t *testing.T, dir string)
		from   int64
		want   []job.Chunk
		strays []string
	}{
		"an empty folder": {make: func(*testing.T, string) {}},
		"by number and not by digits": {
			make: func(t *testing.T, dir string) {
				sealed(t, dir, span(100, 110))
				sealed(t, dir, span(20, 25))
				begun(t, dir, span(3, 5))
			},
			want: []job.Chunk{span(3, 5), span(20, 25), span(100, 110)},
		},
		"only from the position on": {
			make: func(t *testing.T, dir string) {
				sealed(t, dir, span(0, 5))
				sealed(t, dir, span(5, 10))
				sealed(t, dir, span(10, 12))
			},
			from: 5,
			want: []job.Chunk{span(5, 10), span(10, 12)}, strays: []string{segment.Name(span(0, 5))},
		},
		"none that the position stands within": {
			make: func(t *testing.T, dir string) { sealed(t, dir, span(0, 6)); sealed(t, dir, span(6, 8)) },
			from: 5,
			want: []job.Chunk{span(6, 8)}, strays: []string{segment.Name(span(0, 6))},
		},
		"of two that overlap the first": {
			make: func(t *testing.T, dir string) {
				sealed(t, dir, span(0, 6))
				sealed(t, dir, span(5, 8))
				sealed(t, dir, span(6, 8))
			},
			want: []job.Chunk{span(0, 6), span(6, 8)}, strays: []string{segment.Name(span(5, 8))},
		},
		"of two that begin together one": {
			make: func(t *testing.T, dir string) { sealed(t, dir, span(5, 7)); sealed(t, dir, span(5, 8)) },
			want: []job.Chunk{span(5, 7)}, strays: []string{segment.Name(span(5, 8))},
		},
		"no other files": {
			make: func(t *testing.T, dir string) {
				sealed(t, dir, span(5, 7))
				put(t, filepath.Join(dir, "notes.txt"), append([]byte("LHSEGMNT\x02"), make([]byte, 55)...))
				put(t, filepath.Join(dir, segment.Name(span(8, 9))), []byte("LHSEG"))
				put(t, filepath.Join(dir, "empty.segment"), nil)
			},
			want: []job.Chunk{span(5, 7)}, strays: []string{segment.Name(span(8, 9)), "empty.segment", "notes.txt"},
		},
		"none by another name than its own": {
			make: func(t *testing.T, dir string) {
				sealed(t, dir, span(5, 7))
				must(t, os.Rename(path(dir, span(5, 7)), path(dir, span(9, 11))))
			},
			strays: []string{segment.Name(span(9, 11))},
		},
		"none of another generation": {
			make: func(t *testing.T, dir string) {
				w, err := segment.Open(context.Background(), fsystest.Hooked(nil), dir, segment.Generation{15: 1}, span(5, 7))
				must(t, err)
				must(t, w.Close())
			},
			strays: []string{segment.Name(span(5, 7))},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tt.make(t, dir)
			h := fsystest.Hooked(nil)
			segments, strays, err := segment.List(h, dir, gen, tt.from)
			must(t, err)
			var got []job.Chunk
			for _, s := range segments {
				got = append(got, s.Chunk)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("segments %v, want %v", got, tt.want)
			}
			if !slices.Equal(strays, tt.strays) {
				t.Errorf("strays %q, want %q", strays, tt.strays)
			}
			if n := h.Handles(); n != 0 {
				t.Errorf("%d files stayed open", n)
			}
		})
	}
}

func TestListTellsSealedFromUnsealed(t *testing.T) {
	dir := t.TempDir()
	whole, half, torn, full := span(0, 6), span(6, 9), span(9, 12), span(12, 15)
	sealed(t, dir, whole) // records 2 and 5 fail
	begun(t, dir, half)
	sealed(t, dir, torn)
	put(t, path(dir, torn), edited(bytesOf(t, path(dir, torn)), func(b []byte) { b[len(b)-70] ^= 1 })) // in the footer
	write(t, fsystest.Hooked(nil), dir, full, false, 0, 1, 2)                                          // every record, but no index

	got, _, err := segment.List(fsystest.Hooked(nil), dir, gen, 0)
	must(t, err)
	size := func(c job.Chunk) int64 { return int64(len(bytesOf(t, path(dir, c)))) }
	want := []job.Segment{
		{Chunk: whole, Sealed: true, Failed: 2, Bytes: size(whole)},
		{Chunk: half, Bytes: size(half)},
		{Chunk: torn, Bytes: size(torn)},
		{Chunk: full, Bytes: size(full)},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestListRefusesAnUnknownVersionByName(t *testing.T) {
	dir, newer := t.TempDir(), span(6, 9)
	sealed(t, dir, span(0, 6))
	sealed(t, dir, newer)
	put(t, path(dir, newer), edited(bytesOf(t, path(dir, newer)), func(b []byte) { b[9] = 1 }))
	_, _, err := segment.List(fsystest.Hooked(nil), dir, gen, 0)
	if !errors.Is(err, segment.ErrVersion) || !strings.Contains(err.Error(), segment.Name(newer)) || !strings.Contains(err.Error(), "257") {
		t.Errorf("the error must name file and version: %v", err)
	}
}

func TestListPassesOverWhatIsRemovedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	sealed(t, dir, span(0, 6))
	sealed(t, dir, span(6, 8))
	segments, strays, err := segment.List(fsystest.Hooked(func(op, name string) error {
		if op == "open" && name == segment.Name(span(0, 6)) {
			return os.Remove(filepath.Join(dir, name))
		}
		return nil
	}), dir, gen, 0)
	must(t, err)
	if len(segments) != 1 || segments[0].Chunk != span(6, 8) || len(strays) != 0 {
		t.Errorf("segments %v, strays %v", segments, strays)
	}
}

func TestListSaysThatTheFolderIsMissing(t *testing.T) {
	if _, _, err := segment.List(fsystest.Hooked(nil), filepath.Join(t.TempDir(), "none"), gen, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

// A disk that cannot be read says nothing about a segment, so no segment becomes a stray, to be removed, by it.
func TestListDoesNotTakeAReadErrorForDamage(t *testing.T) {
	dir, boom := t.TempDir(), errors.New("boom")
	sealed(t, dir, span(0, 6))
	for n := 0; ; n++ {
		hook, seen := fsystest.FailAt(n, boom, "open", "read")
		h := fsystest.Hooked(hook)
		_, _, err := segment.List(h, dir, gen, 0)
		if h.Handles() != 0 {
			t.Errorf("%d files stayed open", h.Handles())
		}
		if *seen <= n {
			if n < 4 { // open, header, trailer, footer
				t.Errorf("only %d calls were failed", n)
			}
			return
		}
		if !errors.Is(err, boom) {
			t.Errorf("call %d failed and List says %v", n, err)
		}
	}
}
