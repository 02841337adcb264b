package segment_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/segment"
)

var errDisk = errors.New("the disk is full")

func TestWriterIsDeadAfterAFailure(t *testing.T) {
	tests := map[string]struct {
		op   string
		fail func(*segment.Writer) error
	}{
		"a failed Append":             {"write", func(w *segment.Writer) error { return w.Append(outcomes(2, 3)...) }},
		"a failed Sync of the file":   {"sync", (*segment.Writer).Sync},
		"a failed Sync of the folder": {"syncdir", (*segment.Writer).Sync},
		"a failed write of the index": {"write", seal},
		"a failed sync of the index":  {"sync", seal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir, c := t.TempDir(), chunkOf(4)
			fails := false
			w := open(t, fsystest.Hooked(func(op, _ string) error {
				if fails && op == tt.op {
					fails = false // the disk is well again, and the writer must be dead all the same
					return errDisk
				}
				return nil
			}), dir, c)
			must(t, w.Append(outcomes(1, 0)...))
			if tt.op != "write" || name == "a failed write of the index" {
				must(t, w.Append(outcomes(2, 3)...))
			}
			fails = true
			if err := tt.fail(w); !errors.Is(err, errDisk) {
				t.Fatalf("got %v, want %v", err, errDisk)
			}
			missing := w.Missing()
			before := bytesOf(t, path(dir, c))
			for call, err := range map[string]error{"Append": w.Append(outcome(3)), "Sync": w.Sync(), "Seal": seal(w)} {
				if !errors.Is(err, errDisk) {
					t.Errorf("%s afterwards: %v, want %v", call, err, errDisk)
				}
			}
			if !bytes.Equal(before, bytesOf(t, path(dir, c))) {
				t.Error("the dead writer wrote")
			}
			must(t, w.Close())

			w = open(t, fsystest.Hooked(nil), dir, c)
			if w.Missing() > missing {
				t.Errorf("%d records are missing after recovery, %d were before", w.Missing(), missing)
			}
			finish(t, w, ints(4))
			wantOutcomes(t, fsystest.Hooked(nil), dir, c)
		})
	}
}

func seal(w *segment.Writer) error {
	_, err := w.Seal()
	return err
}

func TestFailedAppendTakesNoRecord(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(4)
	hook, _ := fsystest.FailAt(2, errDisk, "write") // after the header and one record
	w := open(t, fsystest.Hooked(hook), dir, c)
	must(t, w.Append(outcome(0)))
	sums := w.Summary()
	if err := w.Append(outcomes(1, 2)...); !errors.Is(err, errDisk) {
		t.Fatalf("got %v, want %v", err, errDisk)
	}
	wantMissing(t, w, 1, 2, 3)
	if w.Summary() != sums {
		t.Errorf("the failed call counts: %+v, want %+v", w.Summary(), sums)
	}
	must(t, w.Close())
}

// Whichever call to the disk fails, in the middle of a write too, what Append had answered for is there again.
func TestWhatWasAppendedOutlivesAFailureAnywhere(t *testing.T) {
	for n := 0; ; n++ {
		dir, c := t.TempDir(), chunkOf(5)
		hook, seen := fsystest.FailAt(n, errDisk, "openwrite", "lock", "read", "write", "truncate", "sync", "syncdir")
		h := fsystest.Hooked(hook)
		kept, err := writeUntilFailure(h, dir)
		if h.Handles() != 0 {
			t.Fatalf("call %d: %d files stayed open", n, h.Handles())
		}
		if *seen <= n {
			if err != nil || n < 15 {
				t.Errorf("the last round must be without a failure, after at least 15 with: %d, %v", n, err)
			}
			wantOutcomes(t, fsystest.Hooked(nil), dir, c)
			return
		}
		if !errors.Is(err, errDisk) {
			t.Fatalf("call %d failed and the writer says %v", n, err)
		}
		w := open(t, fsystest.Hooked(nil), dir, c)
		for _, i := range kept {
			if !w.Has(i) {
				t.Fatalf("call %d failed: record %d is lost", n, i)
			}
		}
		finish(t, w, ints(5))
		wantOutcomes(t, fsystest.Hooked(nil), dir, c)
	}
}

// writeUntilFailure writes a segment of five records in two goes and returns those that Append answered for.
func writeUntilFailure(h *fsystest.FS, dir string) (kept []int, err error) {
	for _, pieces := range [][][]int{{{3}, {0, 4}}, {{1}, {2}}} {
		w, err := segment.Open(context.Background(), h, dir, gen, chunkOf(5))
		if err != nil {
			return kept, err
		}
		for _, p := range pieces {
			if err := w.Append(outcomes(p...)...); err != nil {
				return kept, errors.Join(err, w.Close())
			}
			kept = append(kept, p...)
			if err := w.Sync(); err != nil {
				return kept, errors.Join(err, w.Close())
			}
		}
		if w.Missing() == 0 {
			err = seal(w)
		}
		if err := errors.Join(err, w.Close()); err != nil {
			return kept, err
		}
	}
	return kept, nil
}

// A disk that cannot be read says nothing about the frames, so nothing is cut.
func TestOpenDoesNotTakeAReadErrorForDamage(t *testing.T) {
	for name, sealed := range map[string]bool{"sealed": true, "unsealed": false} {
		t.Run(name, func(t *testing.T) {
			dir, c := t.TempDir(), chunkOf(3)
			write(t, fsystest.Hooked(nil), dir, c, sealed, 2, 0, 1)
			before := bytesOf(t, path(dir, c))
			for n := 0; ; n++ {
				hook, seen := fsystest.FailAt(n, errDisk, "read")
				w, err := segment.Open(context.Background(), fsystest.Hooked(hook), dir, gen, c)
				if !bytes.Equal(before, bytesOf(t, path(dir, c))) {
					t.Fatalf("read %d failed and the file changed", n)
				}
				if *seen <= n {
					if n < 3 {
						t.Errorf("only %d reads were failed", n)
					}
					must(t, err)
					must(t, w.Close())
					return
				}
				if !errors.Is(err, errDisk) {
					t.Fatalf("read %d failed and Open says %v", n, err)
				}
			}
		})
	}
}
