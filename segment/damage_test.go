package segment_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/segment"
)

// A flipped bit anywhere costs records, which run again, or the file is refused by its version: no other payload than the right one is
// ever read.
func TestNoFlippedBitIsMisread(t *testing.T) {
	for name, sealed := range map[string]bool{"sealed": true, "unsealed": false} {
		t.Run(name, func(t *testing.T) {
			fs, dir, c := fsystest.Hooked(nil), t.TempDir(), chunkOf(len(order))
			write(t, fs, dir, c, sealed, order...)
			good := bytesOf(t, path(dir, c))
			for at := range good {
				for _, bit := range []int{at % 8, (at + 5) % 8} {
					bad := edited(good, func(b []byte) { b[at] ^= 1 << bit })
					put(t, path(dir, c), bad)
					if at == 8 || at == 9 { // the version
						wantRefused(t, fs, dir, c, bad)
						continue
					}
					if damaged := readRight(t, fs, dir, c); !damaged {
						t.Fatalf("byte %d, bit %d: nobody noticed", at, bit)
					}
					if !sealed {
						wantLost(t, fs, dir, c, at)
					}
					heal(t, fs, dir, c)
					wantOutcomes(t, fs, dir, c)
				}
			}
			if n := fs.Handles(); n != 0 {
				t.Errorf("%d files stayed open", n)
			}
		})
	}
}

func wantRefused(t *testing.T, fs fsys.FS, dir string, c job.Chunk, content []byte) {
	t.Helper()
	if _, err := segment.OpenReader(fs, dir, gen, c); !errors.Is(err, segment.ErrVersion) {
		t.Fatalf("OpenReader: %v", err)
	}
	if _, err := segment.Open(context.Background(), fs, dir, gen, c); !errors.Is(err, segment.ErrVersion) {
		t.Fatalf("Open: %v", err)
	}
	if !bytes.Equal(content, bytesOf(t, path(dir, c))) {
		t.Fatal("the refused file changed")
	}
}

// wantLost fails unless damage at a byte of an unsealed file costs the frame there and those after it.
func wantLost(t *testing.T, fs fsys.FS, dir string, c job.Chunk, at int) {
	t.Helper()
	w := open(t, fs, dir, c)
	kept := 0
	for ends := frameEnds(order); at >= ends[0] && ends[kept+1] <= at; {
		kept++
	}
	wantMissing(t, w, order[kept:]...)
	must(t, w.Close())
}

// readRight reads what can be read of a segment, and says whether something could not, for damage.
func readRight(t *testing.T, fs fsys.FS, dir string, c job.Chunk) (damaged bool) {
	t.Helper()
	r, err := segment.OpenReader(fs, dir, gen, c)
	if err != nil {
		if !segment.IsDamage(err) {
			t.Fatalf("OpenReader: %v", err)
		}
		return true
	}
	defer r.Close()
	for i := range c.Records {
		f, err := r.Read(i)
		switch {
		case err == nil && !same(f, outcome(i)):
			t.Fatalf("record %d reads %+v, want %+v", i, f, outcome(i))
		case err != nil && !segment.IsDamage(err):
			t.Fatalf("record %d: %v", i, err)
		case err != nil:
			damaged = true
		}
	}
	return damaged
}

// heal does what the activities do with a damaged segment: finish it, and where an append finds it damaged still, unseal and finish
// it again.
func heal(t *testing.T, fs fsys.FS, dir string, c job.Chunk) {
	t.Helper()
	finish(t, open(t, fs, dir, c), order)
	if readRight(t, fs, dir, c) {
		must(t, segment.Unseal(fs, dir, c))
		finish(t, open(t, fs, dir, c), order)
	}
}

// Results lie anywhere in the file, so damage must be found in payloads that the reader puts together from blocks, or reads past them.
func TestDamageInLargePayloadsIsFound(t *testing.T) {
	for name, size := range map[string]int{"over two blocks": 100_000, "over many blocks": 400_000, "past the cache": 3 << 20} {
		t.Run(name, func(t *testing.T) {
			dir, c := t.TempDir(), chunkOf(2)
			w := open(t, fsystest.Hooked(nil), dir, c)
			must(t, w.Append(segment.Frame{Index: 0, Status: segment.Result, Payload: make([]byte, size)}, outcome(1)))
			_, err := w.Seal()
			must(t, err)
			must(t, w.Close())
			put(t, path(dir, c), edited(bytesOf(t, path(dir, c)), func(b []byte) { b[64+20+size-1] = 1 }))
			r, err := segment.OpenReader(fsystest.Hooked(nil), dir, gen, c)
			must(t, err)
			defer r.Close()
			if _, err := r.Read(0); !errors.Is(err, segment.ErrChecksum) {
				t.Errorf("the damaged record: %v, want %v", err, segment.ErrChecksum)
			}
			if f, err := r.Read(1); err != nil || !same(f, outcome(1)) {
				t.Errorf("the record beside it: %+v, %v", f, err)
			}
		})
	}
}
