package fsys_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/segment"
)

var chunk = job.Chunk{First: 4, Records: 6, Offset: 40, Length: 60, Checksum: 1}

func frame(of string, i int) segment.Frame {
	return segment.Frame{Index: i, Status: segment.Result, Tries: 1, Payload: fmt.Appendf(nil, "%s %d", of, i)}
}

// attempt is one attempt at the chunk, which ends when the power does: it runs what is missing, syncs now and then, and seals. synced
// is told what survives from then on. sealed says whether the segment does as a whole: one whose
// index outlived a power loss and whose frames did not looks sealed until it is read.
func attempt(t *rapid.T, p *powerFS, g segment.Generation, of string, synced map[int]bool) (sealed bool, err error) {
	w, err := segment.Open(context.Background(), p, "/data", g, chunk)
	if err != nil {
		return false, err
	}
	defer w.Close()
	for i := range synced {
		if !w.Has(i) {
			t.Fatalf("record %d was synced and is missing", i)
		}
	}
	for _, i := range rapid.Permutation([]int{0, 1, 2, 3, 4, 5}).Draw(t, "order") {
		if w.Has(i) {
			continue
		}
		if err := w.Append(frame(of, i)); err != nil {
			return false, err
		}
		if rapid.IntRange(0, 3).Draw(t, "sync") > 0 {
			continue
		}
		if err := w.Sync(); err != nil {
			return false, err
		}
		for i := range chunk.Records {
			if w.Has(i) {
				synced[i] = true
			}
		}
	}
	_, err = w.Seal()
	return err == nil && !damaged(t, p, g, of), err
}

// damaged reads the segment and says whether a record is not there, or not whole. Any other payload than the right one is fatal.
func damaged(t *rapid.T, p *powerFS, g segment.Generation, of string) bool {
	r, err := segment.OpenReader(p, "/data", g, chunk)
	if err != nil {
		if !segment.IsDamage(err) && !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("OpenReader: %v", err)
		}
		return true
	}
	defer r.Close()
	bad := false
	for i := range chunk.Records {
		f, err := r.Read(i)
		switch {
		case err == nil && string(f.Payload) != string(frame(of, i).Payload):
			t.Fatalf("record %d reads %q", i, f.Payload)
		case err != nil && !segment.IsDamage(err):
			t.Fatalf("record %d: %v", i, err)
		}
		bad = bad || err != nil
	}
	return bad
}

// What Sync or Seal answered for is there after any failure, nothing is misread, and the chunk can be finished.
func TestSegmentOutlivesPowerLosses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, g := newPowerFS("/data"), segment.Generation{1}
		if rapid.Bool().Draw(t, "a stranger's stands there") {
			if sealed, err := attempt(t, p, segment.Generation{2}, "stranger", map[int]bool{}); !sealed {
				t.Fatalf("the stranger's: %v", err)
			}
		}
		synced, sealed := map[int]bool{}, false
		for range rapid.IntRange(0, 4).Draw(t, "failures") {
			p.left = rapid.IntRange(0, 25).Draw(t, "calls until the failure")
			ok, err := attempt(t, p, g, "result", synced)
			if err != nil && !errors.Is(err, errPower) {
				t.Fatalf("got %v", err)
			}
			sealed = sealed || ok
			crash(t, p)
			if bad := damaged(t, p, g, "result"); sealed && bad {
				t.Fatal("the segment was sealed and is damaged")
			}
		}
		ok, err := attempt(t, p, g, "result", synced)
		if err == nil && !ok { // an append finds out, and unseals it
			if err := segment.Unseal(p, "/data", chunk); err != nil {
				t.Fatal(err)
			}
			ok, err = attempt(t, p, g, "result", synced)
		}
		if !ok {
			t.Fatalf("the last attempt: %v", err)
		}
		p.boot(true, func() bool { return false })
		if damaged(t, p, g, "result") {
			t.Fatal("the segment was sealed and is damaged")
		}
	})
}
