package output_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/job"
)

// changing are the calls that a full or dying disk fails.
var changing = []string{"openwrite", "write", "truncate", "sync", "syncdir", "rename", "mkdir"}

// failFrom returns a hook that fails call number n, from 0, of those that change something, and with dead also each after it, as for a
// process that was killed there.
func failFrom(n int, dead bool) (hook func(op, name string) error, seen *int) {
	seen = new(int)
	return func(op, _ string) error {
		if dead && *seen > n && op == "remove" {
			return errDisk
		}
		if !slices.Contains(changing, op) {
			return nil
		}
		*seen++
		if *seen == n+1 || dead && *seen > n {
			return errDisk
		}
		return nil
	}, seen
}

// everyFailure runs a scenario once for each call in it that may fail, and once for each at which the process may die, until none does.
func everyFailure(t *testing.T, atLeast int, scenario func(t *testing.T, hook func(op, name string) error, failed func() bool)) {
	for name, dead := range map[string]bool{"a call fails": false, "the process dies": true} {
		t.Run(name, func(t *testing.T) {
			for n := 0; ; n++ {
				hook, seen := failFrom(n, dead)
				more := false
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					scenario(t, hook, func() bool { more = *seen > n; return more })
				})
				if !more {
					if n < atLeast {
						t.Errorf("only %d calls were failed, want at least %d", n, atLeast)
					}
					return
				}
			}
		})
	}
}

// Whatever fails in an append, the old position stands or the new one does, and the retry, which names the old, ends with each line there once.
func TestAFailedAppendIsRepeatedToTheSameFile(t *testing.T) {
	lines := []string{"3", "!4", "!5", strings.Repeat("6", 1<<20+5)}
	everyFailure(t, 10, func(t *testing.T, hook func(op, name string) error, failed func() bool) {
		w, r := newWorld(t), request("job", "run")
		w.mustClaim(t, r)
		old := w.commit(t, r.Claim, "1", "!2")
		put(t, w.path, bytesOf(t, w.path)+"left by a dead one")

		_, err := appendLines(t.Context(), w.through(fsystest.Hooked(hook)), r.Claim, old.Position, lines)
		if failed() != (err != nil) {
			t.Fatalf("a call failed: %v; Append says %v", failed(), err)
		}
		if err != nil && !errors.Is(err, errDisk) {
			t.Fatalf("got %v, want %v", err, errDisk)
		}
		stands := w.mustLoad(t)
		out, errs := contents("1", "!2")
		if stands.Position != old.Position {
			out, errs = contents(append([]string{"1", "!2"}, lines...)...)
		}
		if !strings.HasPrefix(bytesOf(t, w.path), out) || !strings.HasPrefix(bytesOf(t, w.Errors()), errs) ||
			stands.Position.OutputBytes != int64(len(out)) || stands.Position.ErrorBytes != int64(len(errs)) {
			t.Errorf("the manifest says %+v, which is not what stands in the files", stands.Position)
		}

		m, err := appendLines(t.Context(), w.Output, r.Claim, old.Position, lines)
		must(t, err)
		if m.Position.Records != 6 || m.Totals.Tries != 6 {
			t.Errorf("the retry answers %+v, %+v", m.Position, m.Totals)
		}
		w.mustClaim(t, r)
		w.wantFiles(t, append([]string{"1", "!2"}, lines...)...)
	})
}

func TestAfterAFailedCommitNoneSucceeds(t *testing.T) {
	for _, op := range []string{"write out.jsonl", "sync out.jsonl", "write errors.jsonl", "sync errors.jsonl", "sync manifest.tmp", "rename manifest"} {
		t.Run(op, func(t *testing.T) {
			w, r := newWorld(t), request("job", "run")
			old := w.mustClaim(t, r)
			a, _, err := w.through(fsystest.Hooked(func(o, name string) error {
				if o+" "+name == op {
					op = "" // the disk is well again, but what it had been given is lost
					return errDisk
				}
				return nil
			})).Append(t.Context(), r.Claim, old.Position)
			must(t, err)
			totals, err := fill(a, []string{"1", "!2"})
			must(t, err)
			for range 2 {
				if m, err := a.Commit(2, 20, totals, false); !errors.Is(err, errDisk) {
					t.Errorf("Commit: %+v, %v; want %v", m.Position, err, errDisk)
				}
			}
			must(t, a.Close())
			if m := w.mustLoad(t); m.Position != old.Position {
				t.Errorf("the output stands at %+v", m.Position)
			}
		})
	}
}

func TestAFailedWriteOfALineIsNotCommitted(t *testing.T) {
	big := strings.Repeat("x", 3<<20)
	for file, lines := range map[string][]string{"out.jsonl": {big}, "errors.jsonl": {"!" + big}} {
		w, r := newWorld(t), request("job", "run")
		old := w.mustClaim(t, r)
		fails := 1
		a, _, err := w.through(fsystest.Hooked(func(op, name string) error {
			if op == "write" && name == file && fails > 0 {
				fails--
				return errDisk
			}
			return nil
		})).Append(t.Context(), r.Claim, old.Position)
		must(t, err)
		if _, err := fill(a, lines); !errors.Is(err, errDisk) {
			t.Errorf("%s: the line is taken: %v", file, err)
		}
		if _, err := a.Commit(1, 10, job.Totals{}, false); !errors.Is(err, errDisk) {
			t.Errorf("%s: Commit: %v, want %v", file, err, errDisk)
		}
		must(t, a.Close())
		if m := w.mustLoad(t); m.Position != old.Position {
			t.Errorf("%s: the output stands at %+v", file, m.Position)
		}
	}
}

// Whatever fails in a first claim, the next one begins the output, though a file stands there by then.
func TestAFailedFirstClaimIsRepeated(t *testing.T) {
	everyFailure(t, 10, func(t *testing.T, hook func(op, name string) error, failed func() bool) {
		w, r := newWorld(t), request("job", "run")
		_, err := w.through(fsystest.Hooked(hook)).Claim(t.Context(), r)
		if failed() != errors.Is(err, errDisk) {
			t.Fatalf("a call failed: %v; Claim says %v", failed(), err)
		}
		w.mustClaim(t, r)
		w.wantFiles(t)
		w.commit(t, r.Claim, "1")
		w.wantFiles(t, "1")
	})
}

// Whatever fails in a claim that begins anew: as long as the old manifest stands, so does all that it counts.
func TestAFailedOverwriteLeavesTheOldOrTheNew(t *testing.T) {
	everyFailure(t, 8, func(t *testing.T, hook func(op, name string) error, failed func() bool) {
		w := newWorld(t)
		old := w.mustClaim(t, request("job", "run 1"))
		w.commit(t, claimOf("job", "run 1"), "1", "!2")
		r := request("job", "run 2")
		r.Overwrite = true
		_, err := w.through(fsystest.Hooked(hook)).Claim(t.Context(), r)
		if failed() != errors.Is(err, errDisk) {
			t.Fatalf("a call failed: %v; Claim says %v", failed(), err)
		}
		again := request("job", "run 3") // somebody who does not overwrite
		m := w.mustClaim(t, again)
		if m.Generation == old.Generation {
			w.wantFiles(t, "1", "!2")
		} else {
			w.wantFiles(t)
		}
		r.Claim.RunID = "run 4"
		begun := w.mustClaim(t, r)
		if m.Generation != old.Generation && begun.Generation != m.Generation {
			t.Error("one job began the output twice")
		}
		w.wantFiles(t)
	})
}

func TestAFailedClaimOfTheSameJobIsRepeated(t *testing.T) {
	everyFailure(t, 5, func(t *testing.T, hook func(op, name string) error, failed func() bool) {
		w := newWorld(t)
		w.mustClaim(t, request("job", "run 1"))
		w.commit(t, claimOf("job", "run 1"), "1", "!2")
		put(t, w.path, bytesOf(t, w.path)+"torn")
		r := request("job", "run 2")
		_, err := w.through(fsystest.Hooked(hook)).Claim(t.Context(), r)
		if failed() != errors.Is(err, errDisk) {
			t.Fatalf("a call failed: %v; Claim says %v", failed(), err)
		}
		w.mustClaim(t, r)
		w.wantFiles(t, "1", "!2")
	})
}

// The last call of a commit, the sync of the folder, can fail when the new manifest stands already.
func TestAManifestWhoseLastSyncFailedCounts(t *testing.T) {
	w, r := newWorld(t), request("job", "run")
	old := w.mustClaim(t, r)
	fails := false
	o := w.through(fsystest.Hooked(func(op, name string) error {
		if fails && op == "syncdir" && strings.HasSuffix(name, ".longhaul") {
			return errDisk
		}
		return nil
	}))
	a, _, err := o.Append(t.Context(), r.Claim, old.Position)
	must(t, err)
	fails = true
	must(t, a.Line([]byte("1")))
	if _, err := a.Commit(1, 10, job.Totals{}, false); !errors.Is(err, errDisk) {
		t.Errorf("Commit: %v, want %v", err, errDisk)
	}
	must(t, a.Close())
	w.wantFiles(t, "1")
	// As long as nobody knows whether it lasts, nobody is told that the append happened.
	if _, _, err := o.Append(t.Context(), r.Claim, old.Position); !errors.Is(err, errDisk) {
		t.Errorf("Append: %v, want %v", err, errDisk)
	}
	if _, m, err := w.Append(t.Context(), r.Claim, old.Position); err != nil || m.Position.Records != 1 {
		t.Errorf("Append: %+v, %v", m.Position, err)
	}
}

func TestAFailedClaimLeavesNoTemporaryFile(t *testing.T) {
	for _, op := range []string{"write", "sync", "rename"} {
		w := newWorld(t)
		_, err := w.through(fsystest.Hooked(func(o, name string) error {
			if o == op && strings.HasPrefix(name, "manifest") {
				return errDisk
			}
			return nil
		})).Claim(t.Context(), request("job", "run"))
		if !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", op, err)
		}
		if _, err := os.Stat(w.Dir() + "/manifest.tmp"); err == nil {
			t.Errorf("%s fails: manifest.tmp stands", op)
		}
	}
}
