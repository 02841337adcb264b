package segment_test

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/segment"
)

func TestAppendRefusesRecordsThatItCannotTake(t *testing.T) {
	bad := outcome(3)
	bad.Status = 3
	none := outcome(3)
	none.Status = 0
	tests := map[string][]segment.Frame{
		"written already":         outcomes(1),
		"twice in one call":       outcomes(3, 4, 3),
		"beyond the chunk":        outcomes(5),
		"negative":                {{Index: -1, Status: segment.Result}},
		"good ones before a bad":  outcomes(3, 4, 1),
		"unknown status":          {bad},
		"no status":               {none},
		"good ones before status": {outcome(4), bad},
	}
	for name, frames := range tests {
		t.Run(name, func(t *testing.T) {
			dir, c := t.TempDir(), chunkOf(5)
			w := open(t, fsystest.Hooked(nil), dir, c)
			must(t, w.Append(outcomes(0, 1)...))
			before, sums := bytesOf(t, path(dir, c)), w.Summary()
			if err := w.Append(frames...); err == nil {
				t.Error("Append took it")
			}
			if after := bytesOf(t, path(dir, c)); !slices.Equal(before, after) {
				t.Error("the refused call wrote to the file")
			}
			wantMissing(t, w, 2, 3, 4)
			if w.Summary() != sums {
				t.Errorf("the refused call counts: %+v, want %+v", w.Summary(), sums)
			}
			// The refusal is the caller's mistake, not the disk's: the writer lives on.
			finish(t, w, ints(5))
			wantOutcomes(t, fsystest.Hooked(nil), dir, c)
		})
	}
}

func TestAppendIsOneWrite(t *testing.T) {
	var ops []string
	w := open(t, fsystest.Hooked(func(op, _ string) error { ops = append(ops, op); return nil }), t.TempDir(), chunkOf(5))
	defer w.Close()
	ops = nil
	must(t, w.Append(outcomes(4, 0, 2)...))
	if want := []string{"write"}; !slices.Equal(ops, want) {
		t.Errorf("three records made the calls %v, want %v", ops, want)
	}
}

func TestSealRefusesWhileRecordsAreMissing(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(3)
	w := open(t, fsystest.Hooked(nil), dir, c)
	must(t, w.Append(outcomes(2, 0)...))
	before := bytesOf(t, path(dir, c))
	if _, err := w.Seal(); err == nil {
		t.Error("Seal took a segment with a missing record")
	}
	if w.Sealed() {
		t.Error("the segment says that it is sealed")
	}
	if after := bytesOf(t, path(dir, c)); !slices.Equal(before, after) {
		t.Error("the refused Seal wrote to the file")
	}
	finish(t, w, ints(3))
	wantOutcomes(t, fsystest.Hooked(nil), dir, c)
}

func TestSealWritesOnceThenSyncsFileAndFolder(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(3)
	var ops []string
	w := open(t, fsystest.Hooked(func(op, name string) error { ops = append(ops, op+" "+name); return nil }), dir, c)
	defer w.Close()
	must(t, w.Append(outcomes(0, 1, 2)...))
	file, folder := segment.Name(c), filepath.Base(dir)
	ops = nil
	_, err := w.Seal()
	must(t, err)
	if want := []string{"write " + file, "sync " + file, "syncdir " + folder}; !slices.Equal(ops, want) {
		t.Errorf("Seal made the calls %q, want %q", ops, want)
	}
	// Whoever sealed it first may have died before its sync, so another Seal writes nothing, but syncs.
	ops = nil
	_, err = w.Seal()
	must(t, err)
	if want := []string{"sync " + file, "syncdir " + folder}; !slices.Equal(ops, want) {
		t.Errorf("Seal of a sealed segment made the calls %q, want %q", ops, want)
	}
}

func TestSyncSyncsFileAndFolder(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(3)
	var ops []string
	w := open(t, fsystest.Hooked(func(op, name string) error { ops = append(ops, op+" "+name); return nil }), dir, c)
	defer w.Close()
	ops = nil
	must(t, w.Sync())
	if want := []string{"sync " + segment.Name(c), "syncdir " + filepath.Base(dir)}; !slices.Equal(ops, want) {
		t.Errorf("Sync made the calls %q, want %q", ops, want)
	}
}

func TestSealedSegmentTakesNoMore(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(3)
	write(t, fsystest.Hooked(nil), dir, c, true, 2, 1, 0)
	w := open(t, fsystest.Hooked(nil), dir, c)
	defer w.Close()
	if !w.Sealed() || w.Missing() != 0 {
		t.Fatalf("sealed %v with %d missing, want a whole one", w.Sealed(), w.Missing())
	}
	before := bytesOf(t, path(dir, c))
	if err := w.Append(outcome(1)); err == nil {
		t.Error("Append took a record of a sealed segment")
	}
	if after := bytesOf(t, path(dir, c)); !slices.Equal(before, after) {
		t.Error("the sealed file changed")
	}
}

func TestSummaryIsTheSameWhilstWrittenRecoveredSealedAndRead(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(3)
	w := open(t, fsystest.Hooked(nil), dir, c)
	must(t, w.Append(
		segment.Frame{Index: 2, Status: segment.Failure, Tries: 5, Micros: 700, Payload: []byte("why")},
		segment.Frame{Index: 0, Status: segment.Result, Tries: math.MaxUint16 + 10, Micros: 20, Payload: []byte("answer")},
		segment.Frame{Index: 1, Status: segment.Result, Tries: -1, Micros: -5},
	))
	want := w.Summary()
	if want.ResultBytes != 6 || want.FailureBytes != 3 || want.Failed != 1 || want.Tries != 5+math.MaxUint16 || want.TaskMicros != 720 {
		t.Errorf("the sums are %+v", want)
	}
	if size := int64(len(bytesOf(t, path(dir, c)))); want.Bytes != size {
		t.Errorf("the summary says %d bytes, the file has %d", want.Bytes, size)
	}
	must(t, w.Close())

	w = open(t, fsystest.Hooked(nil), dir, c)
	if got := w.Summary(); got != want {
		t.Errorf("recovered: %+v, want %+v", got, want)
	}
	sealed, err := w.Seal()
	must(t, err)
	must(t, w.Close())
	want.Bytes = int64(len(bytesOf(t, path(dir, c))))
	if sealed != want {
		t.Errorf("sealed: %+v, want %+v", sealed, want)
	}

	w = open(t, fsystest.Hooked(nil), dir, c)
	if got := w.Summary(); got != want {
		t.Errorf("opened sealed: %+v, want %+v", got, want)
	}
	must(t, w.Close())
	r, err := segment.OpenReader(fsystest.Hooked(nil), dir, gen, c)
	must(t, err)
	defer r.Close()
	if got := r.Summary(); got != want {
		t.Errorf("read: %+v, want %+v", got, want)
	}
}

func TestAppendIsSafeForConcurrentUse(t *testing.T) {
	const writers, each = 8, 200
	dir, c := t.TempDir(), chunkOf(writers*each)
	w := open(t, fsys.OS, dir, c)
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			for i := 0; i < each; i += 4 { // one alone, then three at once
				first := n*each + i
				if err := errors.Join(w.Append(outcome(first)), w.Append(outcomes(first+1, first+2, first+3)...)); err != nil {
					t.Error(err)
				}
				if !w.Has(first+3) || w.Missing() > c.Records-4 || w.Summary().Tries == 0 || w.Sealed() {
					t.Error("what was written does not show")
				}
			}
		})
	}
	wg.Wait()
	_, err := w.Seal()
	must(t, err)
	must(t, w.Close())
	wantOutcomes(t, fsys.OS, dir, c)
}

func TestFirstMissingIsTheFirstRecordWithoutAFrame(t *testing.T) {
	w := open(t, fsystest.Hooked(nil), t.TempDir(), chunkOf(5))
	defer w.Close()
	for _, step := range []struct {
		append      []int
		from, first int
	}{{nil, 0, 0}, {[]int{1, 3}, 0, 0}, {nil, 1, 2}, {[]int{0}, 0, 2}, {[]int{2, 4}, 2, 5}, {nil, 5, 5}} {
		must(t, w.Append(outcomes(step.append...)...))
		if got := w.FirstMissing(step.from); got != step.first {
			t.Errorf("from %d on, after %v: %d, want %d", step.from, step.append, got, step.first)
		}
	}
}
