package segment_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/segment"
)

func TestOpenReaderTellsWhatIsWrong(t *testing.T) {
	c := chunkOf(3)
	other := c
	other.Checksum++ // the same file name, another input
	tests := map[string]struct {
		make func(t *testing.T, dir string)
		want error
	}{
		"no file":       {func(*testing.T, string) {}, os.ErrNotExist},
		"empty":         {func(t *testing.T, dir string) { put(t, path(dir, c), nil) }, segment.ErrTruncated},
		"no segment":    {func(t *testing.T, dir string) { put(t, path(dir, c), make([]byte, 500)) }, segment.ErrMagic},
		"not sealed":    {func(t *testing.T, dir string) { write(t, fsystest.Hooked(nil), dir, c, false, 0, 1, 2) }, segment.ErrUnsealed},
		"another chunk": {func(t *testing.T, dir string) { write(t, fsystest.Hooked(nil), dir, other, true, 0, 1, 2) }, segment.ErrForeign},
		"of an unknown version": {func(t *testing.T, dir string) {
			write(t, fsystest.Hooked(nil), dir, c, true, 0, 1, 2)
			put(t, path(dir, c), edited(bytesOf(t, path(dir, c)), func(b []byte) { b[8] = 2 }))
		}, segment.ErrVersion},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tt.make(t, dir)
			fs := fsystest.Hooked(nil)
			_, err := segment.OpenReader(fs, dir, gen, c)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if n := fs.Handles(); n != 0 {
				t.Errorf("%d files stayed open", n)
			}
		})
	}
	t.Run("another generation", func(t *testing.T) {
		dir := t.TempDir()
		write(t, fsystest.Hooked(nil), dir, c, true, 0, 1, 2)
		if _, err := segment.OpenReader(fsystest.Hooked(nil), dir, segment.Generation{1}, c); !errors.Is(err, segment.ErrForeign) {
			t.Errorf("got %v, want %v", err, segment.ErrForeign)
		}
	})
}

// A failed read may have spoilt the block that it was to fill: the one that stood there before must be read again.
func TestReaderDoesNotTakeAReadErrorForDamage(t *testing.T) {
	const blocks = 32 * 64 << 10 // bytes after which blocks take each other's place
	dir, c := t.TempDir(), chunkOf(3)
	w := open(t, fsystest.Hooked(nil), dir, c)
	must(t, w.Append(outcome(0), segment.Frame{Index: 1, Status: segment.Result, Payload: make([]byte, blocks)}, outcome(2)))
	must(t, seal(w))
	must(t, w.Close())
	fails := false
	r, err := segment.OpenReader(fsystest.Hooked(func(op, _ string) error {
		if fails && op == "read" {
			return errDisk
		}
		return nil
	}), dir, gen, c)
	must(t, err)
	defer r.Close()
	for range 2 {
		for _, i := range []int{0, 2} {
			fails = true
			if _, err := r.Read(i); !errors.Is(err, errDisk) || segment.IsDamage(err) {
				t.Errorf("record %d: got %v, want %v and no damage", i, err, errDisk)
			}
			fails = false
			if f, err := r.Read(i); err != nil || !same(f, outcome(i)) {
				t.Errorf("record %d: got %+v, %v", i, f, err)
			}
		}
		fails = true
		if _, err := r.Read(0); !errors.Is(err, errDisk) {
			t.Errorf("got %v, want %v", err, errDisk)
		}
		fails = false
		if f, err := r.Read(2); err != nil || !same(f, outcome(2)) {
			t.Errorf("the block before the failed one: %+v, %v", f, err)
		}
	}
}

// An index with the right checksum, of a writer gone wrong, must not make one record's payload another's.
func TestReaderDoesNotTrustTheIndex(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(len(order))
	write(t, fsystest.Hooked(nil), dir, c, true, order...)
	put(t, path(dir, c), edited(bytesOf(t, path(dir, c)), func(b []byte) {
		footer := b[frameEnds(order)[len(order)] : len(b)-60]
		first := binary.LittleEndian.Uint64(footer[8:])
		copy(footer[8:16], footer[16:24])
		binary.LittleEndian.PutUint64(footer[16:], first)
		refit(footer)
	}))
	r, err := segment.OpenReader(fsystest.Hooked(nil), dir, gen, c)
	must(t, err)
	defer r.Close()
	for i := range order {
		f, err := r.Read(i)
		if i < 2 && !errors.Is(err, segment.ErrFrame) {
			t.Errorf("record %d, which the index exchanged with its neighbour: %+v, %v", i, f, err)
		}
		if i >= 2 && (err != nil || !same(f, outcome(i))) {
			t.Errorf("record %d: %+v, %v", i, f, err)
		}
	}
}

// Results lie near record order, within less than the reader caches, so that an append reads each block of the file but once.
func TestReaderReadsEachBlockOnce(t *testing.T) {
	const payload, records = 1_000, 1_500
	dir, c := t.TempDir(), chunkOf(records)
	w := open(t, fsystest.Hooked(nil), dir, c)
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(records) {
		must(t, w.Append(segment.Frame{Index: i, Status: segment.Result, Payload: bytes.Repeat([]byte{byte(i)}, payload)}))
	}
	must(t, seal(w))
	must(t, w.Close())
	reads := 0
	r, err := segment.OpenReader(fsystest.Hooked(func(op, _ string) error {
		if op == "read" {
			reads++
		}
		return nil
	}), dir, gen, c)
	must(t, err)
	defer r.Close()
	reads = 0
	for i := range records {
		f, err := r.Read(i)
		must(t, err)
		if len(f.Payload) != payload || f.Payload[0] != byte(i) || f.Payload[payload-1] != byte(i) {
			t.Fatalf("record %d reads %d bytes of %d", i, len(f.Payload), f.Payload[0])
		}
	}
	if want := (64+records*(24+payload))>>16 + 1; reads != want {
		t.Errorf("%d reads of a file of %d blocks", reads, want)
	}
}
