package output_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/job"
)

func TestOverwriteEmptiesOnceAJob(t *testing.T) {
	w := newWorld(t)
	old := w.mustClaim(t, request("job", "run 1"))
	w.commit(t, claimOf("job", "run 1"), "old", "!bad")

	r := request("job", "run 2")
	r.Overwrite = true
	r.Spec.Task, r.Input[0].Size = "exec", 5 // neither must fit
	begun := w.mustClaim(t, r)
	if begun.Generation == old.Generation || begun.BegunBy != "run 2" || begun.Spec.Task != "exec" || (begun.Totals != job.Totals{}) {
		t.Errorf("begun anew: %+v", begun)
	}
	w.wantFiles(t)
	w.commit(t, r.Claim, "new")

	w.mustClaim(t, r) // a retry
	w.wantFiles(t, "new")
	r.Claim.RunID = "run 3" // it continued as new
	w.mustClaim(t, r)
	w.wantFiles(t, "new")

	r.Input[0].Size++ // what it has begun anew, it goes on with, by the same rules
	_, err := w.Claim(t.Context(), r)
	wantKind(t, err, job.InputChanged, r.Input[0].Path)

	r.Job, r.Claim.RunID = "run 4", "run 4" // the user starts it once more
	w.mustClaim(t, r)
	w.wantFiles(t)
}

func TestOverwriteOfABrokenManifest(t *testing.T) {
	for name, content := range map[string]string{"damaged": "garbage", "of a later version": "longhaul-manifest 2 crc32c:0\n"} {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t), request("job", "run")
			w.mustClaim(t, r)
			w.commit(t, r.Claim, "1")
			put(t, w.Dir()+"/manifest", content)
			before := w.tree(t)
			if _, err := w.Claim(t.Context(), r); job.KindOf(err) != job.Corrupt && job.KindOf(err) != job.UnknownVersion {
				t.Errorf("without overwrite: %v", err)
			}
			if !maps.Equal(before, w.tree(t)) {
				t.Error("the refused claim changed something")
			}
			r.Overwrite = true
			w.mustClaim(t, r)
			w.wantFiles(t)
		})
	}
}

// Overwrite goes with the job over all its runs: a manifest that cannot be read for the moment may be its own.
func TestOverwriteDoesNotBeginAnewForAReadError(t *testing.T) {
	for _, op := range []string{"open", "read"} {
		w, r := newWorld(t), request("job", "run")
		r.Overwrite = true
		w.mustClaim(t, r)
		w.commit(t, r.Claim, "1")
		before := w.tree(t)
		_, err := w.through(fsystest.Hooked(func(o, name string) error {
			if o == op && name == "manifest" {
				return errDisk
			}
			return nil
		})).Claim(t.Context(), r)
		if !errors.Is(err, errDisk) {
			t.Errorf("%s fails: got %v, want %v", op, err, errDisk)
		}
		if !maps.Equal(before, w.tree(t)) {
			t.Errorf("%s fails: the output changed", op)
		}
	}
}
