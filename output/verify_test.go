package output_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/job"
)

// committed is an output of three records, of which one failed, and which may be complete.
func committed(t *testing.T, complete bool) world {
	t.Helper()
	w, r := newWorld(t), request("job", "run")
	from := w.mustClaim(t, r).Position
	a, _, err := w.Append(t.Context(), r.Claim, from)
	must(t, err)
	totals, err := fill(a, []string{"1", "!2", "3"})
	must(t, err)
	_, err = a.Commit(3, 30, totals, complete)
	must(t, err)
	must(t, a.Close())
	return w
}

func TestVerifyFindsAnUnchangedOutputRight(t *testing.T) {
	for name, complete := range map[string]bool{"complete": true, "under way": false} {
		t.Run(name, func(t *testing.T) {
			w := committed(t, complete)
			before := w.tree(t)
			v, err := w.Verify(t.Context())
			must(t, err)
			if m := w.mustLoad(t); v.Position != m.Position || v.OutputDigest.SHA256 != m.OutputDigest.SHA256 || v.Complete != complete || v.Uncommitted != 0 {
				t.Errorf("verified %+v, want %+v", v, m)
			}
			if !maps.Equal(before, w.tree(t)) {
				t.Error("something changed")
			}
		})
	}
	t.Run("begun, with no errors file", func(t *testing.T) {
		w := newWorld(t)
		w.mustClaim(t, request("job", "run"))
		must(t, os.Remove(w.Errors()))
		if _, err := w.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("of more than one buffer", func(t *testing.T) {
		w, r := newWorld(t), request("job", "run")
		w.mustClaim(t, r)
		w.commit(t, r.Claim, strings.Repeat("x", 1<<20), "", strings.Repeat("y", 1<<20), "!z")
		if _, err := w.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestVerifyCountsWhatIsNotCommitted(t *testing.T) {
	w := committed(t, false)
	put(t, w.path, bytesOf(t, w.path)+"torn")
	if v, err := w.Verify(t.Context()); err != nil || v.Uncommitted != 4 {
		t.Errorf("%d uncommitted bytes, %v; want 4", v.Uncommitted, err)
	}
	done := committed(t, true)
	put(t, done.path, bytesOf(t, done.path)+"torn")
	_, err := done.Verify(t.Context())
	wantKind(t, err, job.OutputChanged, done.path, "4 bytes stand behind the end")
}

func TestVerifySaysWhatDiffers(t *testing.T) {
	output, errs := func(w world) string { return w.path }, func(w world) string { return w.Errors() }
	tests := map[string]struct {
		path  func(world) string
		edit  func(content string) string
		words string
	}{
		"another byte of the output": {output, func(s string) string { return strings.Replace(s, "3", "4", 1) }, "SHA-256 of its 9 committed bytes"},
		"a line break too many":      {output, func(s string) string { return strings.Replace(s, "u", "\n", 1) }, "has 4 lines where 3 were committed"},
		"a cut output":               {output, func(s string) string { return s[:8] }, "has 8 bytes; 9 were committed"},
		"another byte of the errors": {errs, func(s string) string { return strings.Replace(s, "2", "3", 1) }, "SHA-256 of its 3 committed bytes"},
		"errors run together":        {errs, func(s string) string { return strings.Replace(s, "\n", " ", 1) }, "has 0 lines where 1 were committed"},
		"cut errors":                 {errs, func(string) string { return "" }, "has 0 bytes; 3 were committed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := committed(t, true)
			put(t, tt.path(w), tt.edit(bytesOf(t, tt.path(w))))
			_, err := w.Verify(t.Context())
			wantKind(t, err, job.OutputChanged, tt.path(w), tt.words)
		})
	}
	for name, path := range map[string]func(world) string{"removed output": output, "removed errors": errs} {
		t.Run(name, func(t *testing.T) {
			w := committed(t, true)
			must(t, os.Remove(path(w)))
			_, err := w.Verify(t.Context())
			wantKind(t, err, job.OutputChanged, path(w), "the file is gone")
		})
	}
}

func TestVerifyNeedsAWholeManifest(t *testing.T) {
	w := newWorld(t)
	put(t, w.path, "somebody's own\n")
	_, err := w.Verify(t.Context())
	wantKind(t, err, job.OutputChanged, w.path, "no manifest")

	w = committed(t, true)
	put(t, w.Dir()+"/manifest", "garbage\n")
	_, err = w.Verify(t.Context())
	wantKind(t, err, job.Corrupt, w.Dir()+"/manifest")
}

func TestVerifyGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := committed(t, true).Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestVerifyDoesNotTakeAReadErrorForAChange(t *testing.T) {
	for _, file := range []string{"out.jsonl", "errors.jsonl"} {
		for _, op := range []string{"open", "read"} {
			h := fsystest.Hooked(func(o, name string) error {
				if o == op && name == file {
					return errDisk
				}
				return nil
			})
			w := committed(t, true)
			if _, err := w.through(h).Verify(t.Context()); !errors.Is(err, errDisk) || job.KindOf(err) != "" {
				t.Errorf("%s of %s fails: %v, want %v", op, file, err, errDisk)
			}
			if n := h.Handles(); n != 0 {
				t.Errorf("%d files stayed open", n)
			}
		}
	}
}
