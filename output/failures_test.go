package output_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// failuresOf collects what Failures hands out.
func failuresOf(ctx context.Context, o output.Output) (lines []string, m output.Manifest, err error) {
	m, err = o.Failures(ctx, func(line []byte) error {
		lines = append(lines, string(line))
		return nil
	})
	return lines, m, err
}

func TestFailuresAreTheCommittedLinesOfTheErrorsFile(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	w, r := newWorld(t), request("job", "run")
	w.mustClaim(t, r)
	if lines, _, err := failuresOf(t.Context(), w.Output); err != nil || len(lines) != 0 {
		t.Errorf("of nothing committed: %q, %v", lines, err)
	}
	w.commit(t, r.Claim, "1", "!a", "3", "!"+long, "!b")
	f, err := os.OpenFile(w.Errors(), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("of an append that did not end\nand more")
	must(t, errors.Join(err, f.Close()))
	lines, m, err := failuresOf(t.Context(), w.Output)
	if err != nil || !slices.Equal(lines, []string{"!a", "!" + long, "!b"}) || m.Totals.Failed != 3 {
		t.Errorf("%d lines, %v, %+v", len(lines), err, m.Totals)
	}
}

func TestFailuresThatCannotBeReadAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(t *testing.T, w world)
		want string
	}{
		"no manifest":     {func(t *testing.T, w world) { must(t, os.RemoveAll(w.Dir())) }, "it has no manifest beside it"},
		"no errors file":  {func(t *testing.T, w world) { must(t, os.Remove(w.Errors())) }, "the file is gone; 8 bytes of it were committed"},
		"cut errors file": {func(t *testing.T, w world) { must(t, os.Truncate(w.Errors(), 5)) }, "the file has 5 bytes; 8 were committed"},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t), request("job", "run")
			w.mustClaim(t, r)
			w.commit(t, r.Claim, "1", "!aa", "!bb")
			c.harm(t, w)
			if _, _, err := failuresOf(t.Context(), w.Output); job.KindOf(err) != job.OutputChanged || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestReadingFailuresEndsWhenToldTo(t *testing.T) {
	w, r := newWorld(t), request("job", "run")
	w.mustClaim(t, r)
	w.commit(t, r.Claim, "!a", "!b")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if lines, _, err := failuresOf(ctx, w.Output); !errors.Is(err, context.Canceled) || len(lines) != 0 {
		t.Errorf("%q, %v", lines, err)
	}
	stop := errors.New("enough")
	if _, err := w.Failures(t.Context(), func([]byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}
