package segment_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/segment"
)

func drop(t *testing.T, fs fsys.FS, dir string, records int) int64 {
	t.Helper()
	n, err := segment.DropFailures(t.Context(), fs, dir, gen, chunkOf(records))
	must(t, err)
	return n
}

// Of every three records one fails.
func TestDropFailuresLeavesTheResults(t *testing.T) {
	for name, tt := range map[string]struct {
		seal    bool
		indexes []int
		dropped int64
		missing []int
	}{
		"of a sealed segment":    {true, []int{8, 0, 1, 5, 4, 3, 2, 6, 7}, 3, []int{2, 5, 8}},
		"of a half-done segment": {false, []int{8, 3, 1, 2}, 2, []int{0, 2, 4, 5, 6, 7, 8}},
		"where nothing else is":  {false, []int{2}, 1, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		"where no record failed": {false, []int{0, 1}, 0, []int{2, 3, 4, 5, 6, 7, 8}},
		"where nothing stands":   {false, nil, 0, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, c := t.TempDir(), chunkOf(9)
			write(t, fsys.OS, dir, c, tt.seal, tt.indexes...)
			before := bytesOf(t, path(dir, c))
			if n := drop(t, fsys.OS, dir, 9); n != tt.dropped {
				t.Errorf("%d dropped, want %d", n, tt.dropped)
			}
			if tt.dropped == 0 && !bytes.Equal(before, bytesOf(t, path(dir, c))) {
				t.Error("the segment changed")
			}
			if n := drop(t, fsys.OS, dir, 9); n != 0 {
				t.Errorf("%d dropped a second time", n)
			}
			w := open(t, fsys.OS, dir, c)
			wantMissing(t, w, tt.missing...)
			finish(t, w, ints(9))
			wantOutcomes(t, fsys.OS, dir, c)
		})
	}
}

func TestDropFailuresLeavesADamagedResultOut(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(9)
	write(t, fsys.OS, dir, c, true, ints(9)...)
	b := bytesOf(t, path(dir, c))
	b[bytes.Index(b, []byte("outcome 4"))] ^= 1
	put(t, path(dir, c), b)
	drop(t, fsys.OS, dir, 9)
	w := open(t, fsys.OS, dir, c)
	wantMissing(t, w, 2, 4, 5, 8)
	must(t, w.Close())
}

func TestDropFailuresWaitsForTheOneThatWrites(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(9)
	w := open(t, fsys.OS, dir, c)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := segment.DropFailures(ctx, fsys.OS, dir, gen, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	must(t, w.Append(outcomes(0, 2)...))
	must(t, w.Close())
	if n := drop(t, fsys.OS, dir, 9); n != 1 {
		t.Errorf("%d dropped", n)
	}
}

// At whatever call the disk fails, the segment is the old one or the new one, and the next try drops what is left.
func TestDropFailuresOnADiskThatFails(t *testing.T) {
	attempt := func(fails int) (calls int) {
		dir, c := t.TempDir(), chunkOf(9)
		write(t, fsys.OS, dir, c, true, ints(9)...)
		hooked := fsystest.Hooked(func(string, string) error {
			if calls++; calls == fails {
				return errDisk
			}
			return nil
		})
		_, err := segment.DropFailures(t.Context(), hooked, dir, gen, c)
		if (err != nil) != (calls >= fails && fails > 0) {
			t.Errorf("call %d of %d failed, and DropFailures ended with %v", fails, calls, err)
		}
		drop(t, fsys.OS, dir, 9)
		w := open(t, fsys.OS, dir, c)
		wantMissing(t, w, 2, 5, 8)
		must(t, w.Close())
		if n := hooked.Handles(); n != 0 {
			t.Errorf("call %d: %d files stayed open", fails, n)
		}
		return calls
	}
	calls := attempt(0)
	if calls < 8 {
		t.Errorf("only %d calls", calls)
	}
	for fails := range calls {
		attempt(fails + 1)
	}
}
