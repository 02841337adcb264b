package input

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
)

// sparse writes a file whose gaps are holes: each part is text at an offset.
func sparse(t *testing.T, parts map[int64]string) (*os.File, int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "in"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	var size int64
	for at, text := range parts {
		if _, err := f.WriteAt([]byte(text), at); err != nil {
			t.Fatal(err)
		}
		size = max(size, at+int64(len(text)))
	}
	return f, size
}

func TestARecordIsBounded(t *testing.T) {
	const head = "a\nb\n" // so that the long record begins within a buffer
	for name, c := range map[string]struct {
		record  int64 // bytes of the third record, NUL bytes in a hole
		rest    string
		refused bool
	}{
		"as long as may be":                       {MaxRecord, "\nd\n", false},
		"as long as may be, with CRLF":            {MaxRecord, "\r\nd\n", false},
		"as long as may be, at the end":           {MaxRecord - 1, "c", false},
		"too long":                                {MaxRecord + 2, "\nd\n", true},
		"too long, with CRLF":                     {MaxRecord + 1, "\r\nd\n", true},
		"too long, at the end":                    {MaxRecord + 2, "c", true},
		"too long by far, without another record": {3 * MaxRecord, "c", true},
	} {
		t.Run(name, func(t *testing.T) {
			f, size := sparse(t, map[int64]string{0: head, int64(len(head)) + c.record: c.rest})
			q := whole()
			q.Record = 1000
			p, err := linesIn(f.Name(), f, size).List(context.Background(), q)
			if !c.refused {
				if err != nil || len(p.Chunks) != 1 {
					t.Fatalf("got %+v, %v", p, err)
				}
				return
			}
			const want = "record 1002, which begins at byte 4, is longer than 64 MiB (a record is held in memory; is the input format right?)"
			if job.KindOf(err) != job.InputUnreadable || !strings.Contains(err.Error(), f.Name()+": "+want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestTheBoundDoesNotMoveWithTheBuffer: whether a record is too long depends on it alone, not on where a buffer ends.
func TestTheBoundDoesNotMoveWithTheBuffer(t *testing.T) {
	const longest = MaxRecord + 2 // with its end
	for _, before := range []int64{0, listBuffer - 1} {
		for more, refused := range map[int64]bool{0: false, 1: true} {
			parts := map[int64]string{before + longest - 1 + more: "\n"}
			if before > 0 {
				parts[before-1] = "\n"
			}
			f, size := sparse(t, parts)
			if _, err := linesIn("in", f, size).List(context.Background(), whole()); (err != nil) != refused {
				t.Errorf("%d bytes from byte %d: %v", longest+more, before, err)
			}
		}
	}
}

func TestLongRecordsAreReadWhole(t *testing.T) {
	ends := map[int64]string{3 << 20: "\n", 5<<20 + 1: "\r\n", 5<<20 + 3: "short\n", 9 << 20: "end"}
	f, size := sparse(t, ends)
	p, err := linesIn("in", f, size).List(context.Background(), whole())
	if err != nil || len(p.Chunks) != 1 {
		t.Fatalf("got %+v, %v", p, err)
	}
	r, err := linesIn("in", f, size).Reader(p.Chunks[0])
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{3 << 20, 2 << 20, len("short"), 9<<20 - (5<<20 + 9) + len("end")} {
		rec, index, err := r.Next()
		if err != nil || index != i || len(rec) != want {
			t.Fatalf("record %d: index %d, %d bytes, %v; want %d bytes", i, index, len(rec), err, want)
		}
	}
	if _, _, err := r.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}
