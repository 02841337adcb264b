package output_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// failure is a failed record's errors line.
func failure(record int, text string) string {
	return fmt.Sprintf(`{"record":%d,"error":%q}`, record, text)
}

// outcome is what a record of a retry came to: a result, or a failure.
type outcome struct {
	record int
	result string // empty: it failed again
}

// finished is a complete output of six records, of which 1, 2 and 4 failed.
func finished(t *testing.T) (world, output.Claim) {
	t.Helper()
	w, r := newWorld(t), request("job", "run")
	from := w.mustClaim(t, r).Position
	a, _, err := w.Append(t.Context(), r.Claim, from)
	must(t, err)
	for i, line := range []string{"zero", "", "", "three", "", "five"} {
		if line == "" {
			must(t, a.Failure([]byte(failure(i, "first"))))
			line = "null"
		}
		must(t, a.Line([]byte(line)))
	}
	_, err = a.Commit(6, 60, job.Totals{Failed: 3, Tries: 9, TaskMicros: 90}, true)
	must(t, errors.Join(err, a.Close()))
	return w, r.Claim
}

var firstErrors = failure(1, "first") + "\n" + failure(2, "first") + "\n" + failure(4, "first") + "\n"

// retried is that output with a retry that is complete, and not yet in place.
func retried(t *testing.T, outcomes ...outcome) (world, output.Claim, output.Output) {
	t.Helper()
	w, _ := finished(t)
	claim := claimOf("job", "retry")
	m, err := w.ClaimRetry(t.Context(), claim, alive(false))
	must(t, err)
	size := int64(0)
	must(t, w.WriteRetryInput(m, func(write func(int64, []byte) error) error {
		for _, o := range outcomes {
			record := fmt.Appendf(nil, "record\x00\x01 %d", o.record)
			must(t, write(int64(o.record), record))
			size += int64(len(output.EncodeRetry(nil, int64(o.record), record)))
		}
		return nil
	}))
	retry := w.Retry(m)
	_, err = retry.Claim(t.Context(), output.ClaimRequest{Claim: claim, Job: "retry", Alive: alive(false)})
	must(t, err)
	a, _, err := retry.Append(t.Context(), claim, job.Position{})
	must(t, err)
	failed := int64(0)
	for _, o := range outcomes {
		line := o.result
		if line == "" {
			failed++
			must(t, a.Failure([]byte(failure(o.record, "again"))))
			line = "null"
		}
		must(t, a.Line([]byte(line)))
	}
	_, err = a.Commit(int64(len(outcomes)), size, job.Totals{Failed: failed, Tries: 5, TaskMicros: 50}, true)
	must(t, errors.Join(err, a.Close()))
	return w, claim, retry
}

func TestPatchPutsResultsIntoTheirPlaces(t *testing.T) {
	for name, tt := range map[string]struct {
		outcomes  []outcome
		out, errs string
		totals    job.Totals
	}{
		"all succeed": {[]outcome{{1, "one"}, {2, "two"}, {4, "four"}}, "zero\none\ntwo\nthree\nfour\nfive\n", "", job.Totals{Tries: 14, TaskMicros: 140}},
		"some fail again": {
			[]outcome{{1, ""}, {2, "two"}, {4, ""}},
			"zero\nnull\ntwo\nthree\nnull\nfive\n",
			failure(1, "again") + "\n" + failure(4, "again") + "\n",
			job.Totals{Failed: 2, Tries: 14, TaskMicros: 140},
		},
		"one was not retried": {
			[]outcome{{1, "one"}, {4, ""}},
			"zero\none\nnull\nthree\nnull\nfive\n",
			failure(2, "first") + "\n" + failure(4, "again") + "\n",
			job.Totals{Failed: 2, Tries: 14, TaskMicros: 140},
		},
		"none was retried": {nil, "zero\nnull\nnull\nthree\nnull\nfive\n", firstErrors, job.Totals{Failed: 3, Tries: 9, TaskMicros: 90}},
	} {
		t.Run(name, func(t *testing.T) {
			w, claim, retry := retried(t, tt.outcomes...)
			for range 2 { // a second time changes nothing
				m, err := w.Patch(t.Context(), claim, retry)
				must(t, err)
				if bytesOf(t, w.path) != tt.out || bytesOf(t, w.Errors()) != tt.errs || m.Totals != tt.totals || m.Swap != "" {
					t.Errorf("output %q, errors %q, manifest %+v", bytesOf(t, w.path), bytesOf(t, w.Errors()), m)
				}
				v, err := w.Verify(t.Context())
				must(t, err)
				if v.OutputDigest.SHA256 != sha(tt.out) || v.Position.Records != 6 {
					t.Errorf("verified %+v", v)
				}
			}
			must(t, w.EndRetry())
			if begun, err := w.RetryBegun(); begun || err != nil {
				t.Errorf("something is left of it: %v", err)
			}
			_, err := w.Patch(t.Context(), claim, retry) // by an attempt that did not tell that it had ended
			if len(tt.outcomes) > 0 {
				must(t, err)
			}
		})
	}
}

// At whatever call the disk fails, the old output or the new one stands, right as verify sees it, and the next attempt ends with the new one.
func TestPatchOnADiskThatFails(t *testing.T) {
	const before, after = "zero\nnull\nnull\nthree\nnull\nfive\n", "zero\none\nnull\nthree\nfour\nfive\n"
	attempt := func(t *testing.T, fails int) int {
		w, claim, retry := retried(t, outcome{1, "one"}, outcome{2, ""}, outcome{4, "four"})
		calls := 0
		hooked := fsystest.Hooked(func(op, _ string) error {
			if op == "lock" {
				return nil // which is asked again until it is had
			}
			if calls++; calls == fails {
				return errDisk
			}
			return nil
		})
		_, err := w.through(hooked).Patch(t.Context(), claim, output.At(hooked, retry.Path()))
		if fails > 0 && err == nil {
			t.Errorf("call %d failed, and Patch did not", fails)
		}
		if n := hooked.Handles(); n != 0 {
			t.Errorf("%d files stayed open", n)
		}
		v, err := w.Verify(t.Context())
		must(t, err)
		if d := v.OutputDigest.SHA256; d != sha(before) && d != sha(after) {
			t.Errorf("call %d: neither the old output nor the new one is verified", fails)
		}
		if out := bytesOf(t, w.path); out != before && out != after {
			t.Errorf("call %d: the output is %q", fails, out)
		}
		lines, m, err := failuresOf(t.Context(), w.Output)
		if err != nil || int64(len(lines)) != m.Totals.Failed {
			t.Errorf("call %d: %d failures of %d, %v", fails, len(lines), m.Totals.Failed, err)
		}
		// The next attempt, or the job's own command, whichever comes first.
		if fails%2 == 0 {
			r := request("job", "next")
			w.mustClaim(t, r)
			claim = claimOf("job", "retry again")
			m, err := w.ClaimRetry(t.Context(), claim, alive(false))
			must(t, err)
			if w.Retry(m).Path() != retry.Path() {
				if v, err := w.Verify(t.Context()); err != nil || v.OutputDigest.SHA256 != sha(after) || bytesOf(t, w.path) != after {
					t.Errorf("call %d: the patch is not in place: %v", fails, err)
				}
				return calls
			}
		}
		_, err = w.Patch(t.Context(), claim, retry)
		must(t, err)
		if out := bytesOf(t, w.path); out != after {
			t.Errorf("call %d: the output is %q after the next attempt", fails, out)
		}
		_, err = w.Verify(t.Context())
		must(t, err)
		return calls
	}
	calls := attempt(t, 0)
	if calls < 30 {
		t.Errorf("only %d calls", calls)
	}
	for fails := range calls {
		attempt(t, fails+1)
	}
}

func TestPatchRefusesFilesThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(t *testing.T, w world, retry output.Output)
		want string
	}{
		"an output cut":  {func(t *testing.T, w world, _ output.Output) { must(t, os.Truncate(w.path, 5)) }, "the file has 5 bytes; 31 were committed"},
		"an output gone": {func(t *testing.T, w world, _ output.Output) { must(t, os.Remove(w.path)) }, "the file is gone"},
		"a line less": {func(t *testing.T, w world, _ output.Output) {
			put(t, w.path, strings.Replace(bytesOf(t, w.path), "null\n", "null-", 1))
		}, "it has fewer lines than records"},
		"errors of others": {func(t *testing.T, w world, _ output.Output) {
			put(t, w.Errors(), strings.Replace(firstErrors, `"record":2`, `"record":9`, 1))
		}, "a failed record has no line"},
		"errors that are none": {func(t *testing.T, w world, _ output.Output) {
			put(t, w.Errors(), strings.Replace(firstErrors, `{"record":1`, `["record":1`, 1))
		}, "invalid character"},
		"a retry cut": {func(t *testing.T, _ world, retry output.Output) { must(t, os.Truncate(retry.Path(), 3)) }, "the file has 3 bytes; 13 were committed"},
		"records of others": {func(t *testing.T, w world, _ output.Output) {
			path := w.RetryInput(w.mustLoad(t))
			put(t, path, strings.Replace(bytesOf(t, path), "2 record", "3 record", 1))
		}, "a failed record has no line"},
	} {
		t.Run(name, func(t *testing.T) {
			w, claim, retry := retried(t, outcome{1, "one"}, outcome{2, "two"}, outcome{4, "four"})
			c.harm(t, w, retry)
			before := w.mustLoad(t)
			if _, err := w.Patch(t.Context(), claim, retry); job.KindOf(err) != job.OutputChanged || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if m := w.mustLoad(t); m.Patches != before.Patches || m.Swap != "" {
				t.Errorf("the manifest says %+v", m)
			}
		})
	}
}

func TestPatchIsTheClaimantsAndOfACompleteOutput(t *testing.T) {
	w, _, retry := retried(t, outcome{1, "one"})
	if _, err := w.Patch(t.Context(), claimOf("job", "another"), retry); job.KindOf(err) != job.ClaimLost {
		t.Errorf("%v", err)
	}
	if _, err := w.ClaimRetry(t.Context(), claimOf("other", "run"), alive(true)); job.KindOf(err) != job.OutputClaimed {
		t.Errorf("%v", err)
	}
	u := newWorld(t)
	u.mustClaim(t, request("job", "run"))
	if _, err := u.ClaimRetry(t.Context(), claimOf("job", "retry"), alive(false)); job.KindOf(err) != job.OutputClaimed || !strings.Contains(err.Error(), "the job is unfinished") {
		t.Errorf("%v", err)
	}
	if _, err := u.ToRetry(); job.KindOf(err) != job.OutputClaimed {
		t.Errorf("%v", err)
	}
	if _, err := newWorld(t).ToRetry(); job.KindOf(err) != job.OutputChanged {
		t.Errorf("%v", err)
	}
}

func TestOverwriteEndsARetry(t *testing.T) {
	w, _, _ := retried(t, outcome{1, "one"})
	r := request("job", "anew")
	r.Overwrite, r.Job = true, "anew"
	w.mustClaim(t, r)
	if begun, err := w.RetryBegun(); begun || err != nil {
		t.Errorf("the retry of what stood there before is left: %v", err)
	}
	if _, err := w.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestVerifyBesideAPatch(t *testing.T) {
	w, claim, retry := retried(t, outcome{1, "one"}, outcome{2, ""}, outcome{4, "four"})
	patched := false
	// The patch comes when verify has read the manifest.
	hooked := fsystest.Hooked(func(op, name string) error {
		if op == "open" && name == filepath.Base(w.path) && !patched {
			patched = true
			_, err := w.Patch(context.Background(), claim, retry)
			return err
		}
		return nil
	})
	if _, err := w.through(hooked).Verify(t.Context()); err != nil || !patched {
		t.Errorf("patched %v: %v", patched, err)
	}
}

func FuzzRetryRecord(f *testing.F) {
	f.Add(int64(0), []byte("a"), []byte("1 a"))
	f.Add(int64(1<<60), []byte("\x00\x01\x00 0"), []byte("1 \x012"))
	f.Fuzz(func(t *testing.T, number int64, record, any []byte) {
		number &= 1<<62 - 1
		b := output.EncodeRetry(nil, number, record)
		if i := strings.IndexByte(string(b), 0); i != len(b)-1 {
			t.Fatalf("%q ends at byte %d", b, i)
		}
		n, got, err := output.DecodeRetry(b[:len(b)-1])
		if err != nil || n != number || string(got) != string(record) {
			t.Errorf("%d %q became %d %q, %v", number, record, n, got, err)
		}
		if n, got, err := output.DecodeRetry(any); err == nil && n < 0 {
			t.Errorf("%q is %d, %q", any, n, got)
		}
	})
}
