package segment_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/segment"
)

// order is the order of completion in the files that these tests damage.
var order = []int{3, 0, 4, 1, 2}

// frameEnds returns the file offsets at which the header and the frames of those outcomes end.
func frameEnds(indexes []int) []int {
	ends := []int{64}
	for _, i := range indexes {
		ends = append(ends, ends[len(ends)-1]+24+len(outcome(i).Payload))
	}
	return ends
}

func TestRecoveryKeepsTheFramesBeforeACutAtAnyByte(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(len(order))
	write(t, fsystest.Hooked(nil), dir, c, true, order...)
	whole := bytesOf(t, path(dir, c))
	ends := frameEnds(order)
	for cut := range len(whole) + 1 {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			dir := t.TempDir()
			put(t, path(dir, c), whole[:cut])
			survivors := 0
			for survivors < len(order) && ends[survivors+1] <= cut {
				survivors++
			}
			w := open(t, fsystest.Hooked(nil), dir, c)
			wantMissing(t, w, order[survivors:]...)
			if sealed := cut == len(whole); w.Sealed() != sealed {
				t.Errorf("sealed: %v, want %v", w.Sealed(), sealed)
			}
			finish(t, w, order)
			// The rest in the same order of completion makes the same file, byte for byte.
			if got := bytesOf(t, path(dir, c)); !bytes.Equal(got, whole) {
				t.Errorf("the finished file differs:\n%x\nwant\n%x", got, whole)
			}
			wantOutcomes(t, fsystest.Hooked(nil), dir, c)
		})
	}
}

// refit sets a frame's checksum anew after a change, so that only what the frame says is wrong with it.
func refit(frame []byte) {
	n := len(frame) - 4
	binary.LittleEndian.PutUint32(frame[n:], crc32.Checksum(frame[:n], crc32.MakeTable(crc32.Castagnoli)))
}

func TestRecoveryCutsAtTheFirstImpossibleFrame(t *testing.T) {
	const bad = 2 // its place in order
	frame := func(b []byte) []byte {
		ends := frameEnds(order)
		return b[ends[bad]:ends[bad+1]]
	}
	tests := map[string]func(frame []byte){
		"record written before":           func(f []byte) { f[0] = byte(order[0]) },
		"record of the frame just before": func(f []byte) { f[0] = byte(order[1]) },
		"index outside the chunk":         func(f []byte) { f[0] = byte(len(order)) },
		"marker of a footer":              func(f []byte) { copy(f, "\xff\xff\xff\xff") },
		"status 0":                        func(f []byte) { f[4] = 0 },
		"status 3":                        func(f []byte) { f[4] = 3 },
		"reserved byte set":               func(f []byte) { f[5] = 1 },
		"negative time":                   func(f []byte) { f[15] = 0x80 },
		"length beyond the file":          func(f []byte) { f[18] = 1 },
		"length beyond the format":        func(f []byte) { f[19] = 0xff },
	}
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			dir, c := t.TempDir(), chunkOf(len(order))
			write(t, fsystest.Hooked(nil), dir, c, false, order...)
			put(t, path(dir, c), edited(bytesOf(t, path(dir, c)), func(b []byte) {
				edit(frame(b))
				refit(frame(b))
			}))
			w := open(t, fsystest.Hooked(nil), dir, c)
			wantMissing(t, w, order[bad:]...)
			if size := len(bytesOf(t, path(dir, c))); size != frameEnds(order)[bad] {
				t.Errorf("the file was cut at %d, want %d", size, frameEnds(order)[bad])
			}
			finish(t, w, order)
			wantOutcomes(t, fsystest.Hooked(nil), dir, c)
		})
	}
}

func TestOpenRefusesAnUnknownVersionAndTouchesNothing(t *testing.T) {
	for name, sealed := range map[string]bool{"sealed": true, "unsealed": false} {
		t.Run(name, func(t *testing.T) {
			dir, c := t.TempDir(), chunkOf(2)
			write(t, fsystest.Hooked(nil), dir, c, sealed, 1, 0)
			// The header's checksum fits no longer: a later version may compute another one.
			newer := edited(bytesOf(t, path(dir, c)), func(b []byte) { b[8] = 2 })
			put(t, path(dir, c), newer)
			var changes []string
			fs := fsystest.Hooked(func(op, _ string) error {
				if op == "write" || op == "truncate" {
					changes = append(changes, op)
				}
				return nil
			})
			_, err := segment.Open(context.Background(), fs, dir, gen, c)
			if !errors.Is(err, segment.ErrVersion) {
				t.Errorf("got %v, want %v", err, segment.ErrVersion)
			}
			if len(changes) > 0 || !bytes.Equal(newer, bytesOf(t, path(dir, c))) {
				t.Errorf("the file was touched: %v", changes)
			}
			if n := fs.Handles(); n != 0 {
				t.Errorf("%d files, and with them locks, stayed open", n)
			}
		})
	}
}

func TestOpenReplacesWhatBelongsToSomethingElse(t *testing.T) {
	c := chunkOf(3)
	foreign := func(edit func(*job.Chunk)) job.Chunk {
		o := c
		edit(&o)
		return o
	}
	tests := map[string]struct {
		generation segment.Generation
		chunk      job.Chunk
	}{
		"another generation": {segment.Generation{15: 1}, c},
		"another offset":     {gen, foreign(func(o *job.Chunk) { o.Offset++ })},
		"another length":     {gen, foreign(func(o *job.Chunk) { o.Length++ })},
		"another input":      {gen, foreign(func(o *job.Chunk) { o.Checksum++ })},
		"another first":      {gen, foreign(func(o *job.Chunk) { o.First++ })},
		"other records":      {gen, foreign(func(o *job.Chunk) { o.Records++ })},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir, elsewhere := t.TempDir(), t.TempDir()
			w, err := segment.Open(context.Background(), fsystest.Hooked(nil), elsewhere, tt.generation, tt.chunk)
			must(t, err)
			finish(t, w, ints(tt.chunk.Records))
			put(t, path(dir, c), bytesOf(t, path(elsewhere, tt.chunk)))

			old, err := os.Open(path(dir, c))
			must(t, err)
			defer old.Close()
			h := fsystest.Hooked(nil)
			w = open(t, h, dir, c)
			wantMissing(t, w, 0, 1, 2)
			if size := len(bytesOf(t, path(dir, c))); size != 64 {
				t.Errorf("%d bytes stand in the file, want a header", size)
			}
			// An emptied file could have its old frames back after a power loss, behind a new header.
			if fi, err := old.Stat(); err != nil || fi.Size() <= 64 {
				t.Errorf("the old file was written to: %v, %v", fi.Size(), err)
			}
			if n := h.Handles(); n != 1 {
				t.Errorf("%d files are open, want one", n)
			}
			finish(t, w, []int{2, 0, 1})
			wantOutcomes(t, fsystest.Hooked(nil), dir, c)
		})
	}
}

func TestUnseal(t *testing.T) {
	c := chunkOf(len(order))
	t.Run("lets the next Open cut at the damage", func(t *testing.T) {
		for place, record := range order {
			dir := t.TempDir()
			write(t, fsystest.Hooked(nil), dir, c, true, order...)
			put(t, path(dir, c), edited(bytesOf(t, path(dir, c)), func(b []byte) { b[frameEnds(order)[place]+6] ^= 1 }))
			r, err := segment.OpenReader(fsystest.Hooked(nil), dir, gen, c)
			must(t, err)
			if _, err := r.Read(record); !segment.IsDamage(err) {
				t.Errorf("Read of the damaged record: %v", err)
			}
			must(t, r.Close())
			must(t, segment.Unseal(fsystest.Hooked(nil), dir, c))
			w := open(t, fsystest.Hooked(nil), dir, c)
			wantMissing(t, w, order[place:]...)
			finish(t, w, order)
			wantOutcomes(t, fsystest.Hooked(nil), dir, c)
		}
	})
	t.Run("syncs", func(t *testing.T) {
		dir := t.TempDir()
		write(t, fsystest.Hooked(nil), dir, c, true, order...)
		last := ""
		must(t, segment.Unseal(fsystest.Hooked(func(op, _ string) error { last = op; return nil }), dir, c))
		if last != "sync" {
			t.Errorf("the last call was %q, want a sync", last)
		}
	})
	t.Run("twice takes no frame away", func(t *testing.T) {
		dir := t.TempDir()
		write(t, fsystest.Hooked(nil), dir, c, true, order...)
		for range 10 {
			must(t, segment.Unseal(fsystest.Hooked(nil), dir, c))
		}
		w := open(t, fsystest.Hooked(nil), dir, c)
		wantMissing(t, w)
		must(t, w.Close())
	})
	t.Run("leaves an unsealed segment alone", func(t *testing.T) {
		dir := t.TempDir()
		write(t, fsystest.Hooked(nil), dir, c, false, order...)
		before := bytesOf(t, path(dir, c))
		must(t, segment.Unseal(fsystest.Hooked(nil), dir, c))
		if !bytes.Equal(before, bytesOf(t, path(dir, c))) {
			t.Error("the file changed")
		}
	})
	t.Run("leaves a segment alone that is being written", func(t *testing.T) {
		dir := t.TempDir()
		write(t, fsystest.Hooked(nil), dir, c, true, order...)
		before := bytesOf(t, path(dir, c))
		w := open(t, fsystest.Hooked(nil), dir, c)
		defer w.Close()
		must(t, segment.Unseal(fsystest.Hooked(nil), dir, c))
		if !bytes.Equal(before, bytesOf(t, path(dir, c))) {
			t.Error("the file changed")
		}
	})
	t.Run("needs no segment", func(t *testing.T) {
		dir := t.TempDir()
		must(t, segment.Unseal(fsystest.Hooked(nil), dir, c))
		if names, err := fsystest.Hooked(nil).ReadDir(dir); err != nil || len(names) > 0 {
			t.Errorf("the folder holds %v (%v)", names, err)
		}
	})
}
