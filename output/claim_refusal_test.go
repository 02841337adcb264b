package output_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

func TestClaimRefusesAForeignFile(t *testing.T) {
	w, r := newWorld(t), request("job", "run")
	put(t, w.path, "somebody's own\n")
	_, err := w.Claim(t.Context(), r)
	wantKind(t, err, job.OutputExists, w.path, "did not begin", "--overwrite")
	if got := bytesOf(t, w.path); got != "somebody's own\n" {
		t.Errorf("the file holds %q", got)
	}
	missing(t, w.Dir()+"/manifest")

	r.Overwrite = true
	w.mustClaim(t, r)
	w.wantFiles(t)
}

func TestClaimRefusesWhatIsNoFile(t *testing.T) {
	for name, overwrite := range map[string]bool{"resume": false, "overwrite": true} {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t), request("job", "run")
			must(t, os.Mkdir(w.path, 0o700))
			r.Overwrite = overwrite
			_, err := w.Claim(t.Context(), r)
			wantKind(t, err, job.OutputExists, w.path, "not a regular file")
			missing(t, w.Dir())
		})
	}
}

func TestClaimOfAnotherJobsOutput(t *testing.T) {
	changed := func(c output.Claim, edit func(*output.Claim)) output.Claim {
		edit(&c)
		return c
	}
	held := claimOf("job", "run")
	for name, claim := range map[string]output.Claim{
		"another workflow":  changed(held, func(c *output.Claim) { c.WorkflowID = "other" }),
		"another namespace": changed(held, func(c *output.Claim) { c.Namespace = "other" }),
		"another cluster":   changed(held, func(c *output.Claim) { c.Cluster = "other" }),
	} {
		for _, overwrite := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t)
				w.mustClaim(t, request("job", "run"))
				w.commit(t, held, "1")
				before := w.tree(t)
				r := request("", "run 9")
				r.Claim, r.Overwrite = claim, overwrite

				var asked output.Claim
				r.Alive = func(_ context.Context, c output.Claim) (bool, error) { asked = c; return true, nil }
				_, err := w.Claim(t.Context(), r)
				wantKind(t, err, job.OutputClaimed, w.path, `"job"`, "namespace default")
				if asked != held {
					t.Errorf("asked whether %+v is alive, want %+v", asked, held)
				}

				r.Alive = func(context.Context, output.Claim) (bool, error) { return false, errDisk }
				if _, err := w.Claim(t.Context(), r); !errors.Is(err, errDisk) {
					t.Errorf("got %v, want %v", err, errDisk)
				}
				if !maps.Equal(before, w.tree(t)) {
					t.Error("a refused claim changed something")
				}

				r.Alive = alive(false)
				m := w.mustClaim(t, r)
				if m.Claim != claim {
					t.Errorf("the dead job's claim stands: %+v", m.Claim)
				}
				if overwrite {
					w.wantFiles(t)
				} else {
					w.wantFiles(t, "1")
				}
			})
		}
	}
}

func TestClaimRefusesAnotherSpecByItsDifference(t *testing.T) {
	tests := map[string]struct {
		edit  func(*output.Identity)
		words []string
	}{
		"task":      {func(i *output.Identity) { i.Task = "exec" }, []string{"task is http, not exec"}},
		"format":    {func(i *output.Identity) { i.Format = job.FormatText }, []string{"format is json, not text"}},
		"delimiter": {func(i *output.Identity) { i.OutputDelimiter = job.DelimiterNUL }, []string{"lines end with newline, not nul"}},
		"select":    {func(i *output.Identity) { i.Select = ".a" }, []string{"select is ., not .a"}},
		"arguments": {func(i *output.Identity) { i.Args = json.RawMessage(`{"url":"b"}`) }, []string{`arguments are {"url":"http`, `not {"url":"b"}`}},
		"none":      {func(i *output.Identity) { i.Args = nil }, []string{"arguments"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t), request("job", "run")
			w.mustClaim(t, r)
			w.commit(t, r.Claim, "1")
			before := w.tree(t)
			next := request("job", "run 2")
			tt.edit(&next.Spec)
			_, err := w.Claim(t.Context(), next)
			wantKind(t, err, job.SpecChanged, w.path, append(tt.words, "--overwrite")...)
			if !maps.Equal(before, w.tree(t)) {
				t.Error("a refused claim changed something")
			}
		})
	}
}

func TestClaimRefusesAnotherInputByItsDifference(t *testing.T) {
	tests := map[string]struct {
		edit  func(*job.InputIdentity)
		words []string
	}{
		"size": {func(i *job.InputIdentity) { i.Size++ }, []string{"size was 300 bytes and is 301", "restore the input"}},
		"head": {func(i *job.InputIdentity) { i.HeadSHA256 = "x" }, []string{"beginning differs", "restore the input"}},
		"tail": {func(i *job.InputIdentity) { i.TailSHA256 = "x" }, []string{"end differs", "restore the input"}},
		"time": {
			func(i *job.InputIdentity) { i.Modified = i.Modified.Add(time.Nanosecond) },
			[]string{"modification time was 2026-03-04T05:06:07.00000089Z and is 2026-03-04T05:06:07.000000891Z", "touch -d 2026-03-04T05:06:07.00000089Z"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t), request("job", "run")
			w.mustClaim(t, r)
			w.commit(t, r.Claim, "1")
			before := w.tree(t)
			next := request("job", "run 2")
			next.Input[0].Path = "/elsewhere.jsonl"
			tt.edit(&next.Input[0])
			_, err := w.Claim(t.Context(), next)
			wantKind(t, err, job.InputChanged, "/elsewhere.jsonl", append(tt.words, w.path, "--overwrite")...)
			if !maps.Equal(before, w.tree(t)) {
				t.Error("a refused claim changed something")
			}
		})
	}
	t.Run("not by the zone of its time", func(t *testing.T) {
		w, r := newWorld(t), request("job", "run")
		w.mustClaim(t, r)
		r.Input[0].Modified = r.Input[0].Modified.In(time.FixedZone("", 3600))
		w.mustClaim(t, r)
	})
}

func TestClaimRefusesAnOutputThatLostCommittedBytes(t *testing.T) {
	tests := map[string]struct {
		damage func(t *testing.T, w world) string
		words  []string
	}{
		"shorter output": {func(t *testing.T, w world) string { put(t, w.path, "1\n"); return w.path }, []string{"has 2 bytes; 7 were committed"}},
		"removed output": {func(t *testing.T, w world) string { must(t, os.Remove(w.path)); return w.path }, []string{"gone; 7 bytes"}},
		"shorter errors": {func(t *testing.T, w world) string { put(t, w.Errors(), ""); return w.Errors() }, []string{"has 0 bytes; 3 were committed"}},
		"removed errors": {func(t *testing.T, w world) string { must(t, os.Remove(w.Errors())); return w.Errors() }, []string{"gone; 3 bytes"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t), request("job", "run")
			w.mustClaim(t, r)
			w.commit(t, r.Claim, "1", "!2")
			path := tt.damage(t, w)
			before := w.tree(t)
			_, err := w.Claim(t.Context(), r)
			wantKind(t, err, job.OutputChanged, path, append(tt.words, "restore it", "--overwrite")...)
			if !maps.Equal(before, w.tree(t)) {
				t.Error("the refused claim changed something")
			}
			_, err = appendLines(t.Context(), w.Output, r.Claim, w.mustLoad(t).Position, []string{"3"})
			wantKind(t, err, job.OutputChanged, path, tt.words...)
			if !maps.Equal(before, w.tree(t)) {
				t.Error("the refused append changed something")
			}
		})
	}
}
