package output_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

func TestClaimBeginsAnOutput(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, path string){
		"where there is none":     func(*testing.T, string) {},
		"in an empty file":        func(t *testing.T, path string) { put(t, path, "") },
		"after a claim that died": func(t *testing.T, path string) { must(t, os.MkdirAll(path+".longhaul/segments", 0o700)) },
		"after another that died": func(t *testing.T, path string) { must(t, os.Mkdir(path+".longhaul", 0o700)) },
		"with a torn manifest.tmp": func(t *testing.T, path string) {
			must(t, os.Mkdir(path+".longhaul", 0o700))
			put(t, path+".longhaul/manifest.tmp", "longhaul-manifest 1 crc32c:ffffffff and much more than what comes to stand here"+string(encode(t, real(t))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t), request("job", "run")
			prepare(t, w.path)
			m := w.mustClaim(t, r)
			if m.Claim != r.Claim || m.BegunBy != r.Job || !slices.Equal(m.Input, r.Input) || m.Spec.Task != r.Spec.Task || string(m.Spec.Args) != string(r.Spec.Args) {
				t.Errorf("the manifest is %+v", m)
			}
			if (m.Position != job.Position{}) || m.Complete || len(m.Generation) != 32 {
				t.Errorf("the output stands at %+v, complete: %v, generation %q", m.Position, m.Complete, m.Generation)
			}
			w.wantFiles(t)
			if b, err := encode(t, m), error(nil); err != nil || string(b) != bytesOf(t, w.Dir()+"/manifest") {
				t.Error("what Claim answers is not what it stored")
			}
			for _, dir := range []string{w.Dir(), w.Segments()} {
				if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
					t.Errorf("no folder %s: %v", dir, err)
				}
			}
			missing(t, w.Dir()+"/manifest.tmp")
		})
	}
}

func TestEachOutputHasItsOwnGeneration(t *testing.T) {
	a, b := newWorld(t).mustClaim(t, request("job", "run")), newWorld(t).mustClaim(t, request("job", "run"))
	if a.Generation == b.Generation || a.GenerationBytes() == b.GenerationBytes() || a.GenerationBytes() == [16]byte{} {
		t.Errorf("generations %s and %s", a.Generation, b.Generation)
	}
}

func TestClaimMakesAFolderThatOthersCannotRead(t *testing.T) {
	w := newWorld(t)
	w.mustClaim(t, request("job", "run"))
	for path, want := range map[string]os.FileMode{w.Dir(): 0o700, w.Segments(): 0o700, w.Dir() + "/manifest": 0o600} {
		if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want mode %v", path, fi.Mode(), err, want)
		}
	}
}

// Each run of a job begins with a claim: the next after it continued as new, a retry, a reset, a later one with the same workflow id.
func TestSameJobClaimsAgainWhereTheOutputStands(t *testing.T) {
	w, r := newWorld(t), request("job", "run 1")
	begun := w.mustClaim(t, r)
	stood := w.commit(t, r.Claim, "1", "!2", "3")
	for _, run := range []string{"run 1", "run 2"} { // a retry, and the next
		next := request("job", run)
		next.Input[0].Path = "/moved.jsonl" // where the input lies does not count
		m := w.mustClaim(t, next)
		if m.Generation != begun.Generation || m.Position != stood.Position || m.Totals != stood.Totals || m.BegunBy != "run 1" {
			t.Errorf("%s: %+v, want it to stand as %+v", run, m, stood)
		}
		if m.Claim != next.Claim || w.mustLoad(t).Claim != next.Claim {
			t.Errorf("%s: claimed by %+v", run, m.Claim)
		}
	}
	w.wantFiles(t, "1", "!2", "3")
	w.commit(t, claimOf("job", "run 2"), "4")
	w.wantFiles(t, "1", "!2", "3", "4")
}

func TestClaimCutsWhatADeadAppendLeft(t *testing.T) {
	w, r := newWorld(t), request("job", "run")
	w.mustClaim(t, r)
	w.commit(t, r.Claim, "1", "!2")
	put(t, w.path, bytesOf(t, w.path)+"uncomm")
	put(t, w.Errors(), bytesOf(t, w.Errors())+"{\"also")
	w.mustClaim(t, r)
	w.wantFiles(t, "1", "!2")
}

func TestClaimSaysThatTheFolderIsMissing(t *testing.T) {
	w := output.At(fsystest.Hooked(nil), filepath.Join(t.TempDir(), "none", "out.jsonl"))
	if _, err := w.Claim(t.Context(), request("job", "run")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want %v", err, os.ErrNotExist)
	}
}

func TestLoadOfAnOutputNeverBegun(t *testing.T) {
	if _, err := newWorld(t).Load(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want %v", err, os.ErrNotExist)
	}
}
