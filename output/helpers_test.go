package output_test

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// tb is what helpers need of testing.TB and of rapid.T.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
	Context() context.Context
}

var errDisk = errors.New("the disk is full")

// claimOf is the claim of a run of a job.
func claimOf(workflow, run string) output.Claim {
	return output.Claim{Cluster: "cluster", Namespace: "default", WorkflowID: workflow, RunID: run}
}

// request is a job's claim in its first run.
func request(workflow, run string) output.ClaimRequest {
	return output.ClaimRequest{
		Claim: claimOf(workflow, run),
		Job:   run,
		Spec:  output.Identity{Task: "http", Args: json.RawMessage(`{"url":"http://localhost/?a\u0026b"}`), Format: job.FormatJSON},
		Input: job.InputSet{{
			Path: "/in.jsonl", Size: 300, Modified: time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC), HeadSHA256: "aa", TailSHA256: "bb",
		}},
		Alive: func(context.Context, output.Claim) (bool, error) {
			return false, errors.New("asked whether another job is alive")
		},
	}
}

// alive answers for the jobs of other claims.
func alive(is bool) func(context.Context, output.Claim) (bool, error) {
	return func(context.Context, output.Claim) (bool, error) { return is, nil }
}

// world is an output in a folder of its own.
type world struct {
	output.Output
	fs   *fsystest.FS
	path string
}

func newWorld(t tb) world {
	t.Helper()
	h := fsystest.Hooked(nil)
	dir, err := os.MkdirTemp("", "output") // rapid.T has no TempDir
	must(t, err)
	t.Cleanup(func() {
		must(t, os.RemoveAll(dir))
		if n := h.Handles(); n != 0 {
			t.Errorf("%d files stayed open", n)
		}
	})
	path := filepath.Join(dir, "out.jsonl")
	return world{output.At(h, path), h, path}
}

// through is the same output by another file system.
func (w world) through(fs fsys.FS) output.Output { return output.At(fs, w.path) }

func (w world) mustClaim(t tb, r output.ClaimRequest) output.Manifest {
	t.Helper()
	m, err := w.Claim(t.Context(), r)
	must(t, err)
	return m
}

func (w world) mustLoad(t tb) output.Manifest {
	t.Helper()
	m, err := w.Load()
	must(t, err)
	return m
}

// commit appends those lines, each a record of ten input bytes; one that begins with "!" is a failed record's errors line.
func (w world) commit(t tb, c output.Claim, lines ...string) output.Manifest {
	t.Helper()
	m, err := appendLines(t.Context(), w.Output, c, w.mustLoad(t).Position, lines)
	must(t, err)
	return m
}

func appendLines(ctx context.Context, o output.Output, c output.Claim, from job.Position, lines []string) (m output.Manifest, err error) {
	a, m, err := o.Append(ctx, c, from)
	if a == nil || err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	totals, err := fill(a, lines)
	if err != nil {
		return m, err
	}
	n := from.Records + int64(len(lines))
	return a.Commit(n, 10*n, totals, false)
}

func fill(a *output.Append, lines []string) (totals job.Totals, err error) {
	for _, l := range lines {
		totals.Tries++
		totals.TaskMicros += 100
		if strings.HasPrefix(l, "!") {
			totals.Failed++
			if err := a.Failure([]byte(l)); err != nil {
				return totals, err
			}
			l = "null"
		}
		if err := a.Line([]byte(l)); err != nil {
			return totals, err
		}
	}
	return totals, nil
}

// contents is what output and errors file hold after those lines.
func contents(lines ...string) (out, errs string) {
	for _, l := range lines {
		if strings.HasPrefix(l, "!") {
			errs += l + "\n"
			l = "null"
		}
		out += l + "\n"
	}
	return out, errs
}

// wantFiles fails unless output and errors file are exactly those lines, and the manifest says so.
func (w world) wantFiles(t tb, lines ...string) {
	t.Helper()
	out, errs := contents(lines...)
	m := w.mustLoad(t)
	for _, f := range []struct {
		path, want string
		size       int64
		digest     output.Digest
	}{{w.path, out, m.Position.OutputBytes, m.OutputDigest}, {w.Errors(), errs, m.Position.ErrorBytes, m.ErrorsDigest}} {
		if got := bytesOf(t, f.path); got != f.want {
			t.Errorf("%s holds %q, want %q", filepath.Base(f.path), got, f.want)
		}
		if f.size != int64(len(f.want)) {
			t.Errorf("the manifest says that %s has %d bytes, not %d", filepath.Base(f.path), f.size, len(f.want))
		}
		if f.digest.SHA256 != sha(f.want) {
			t.Errorf("the digest is not that of %s", filepath.Base(f.path))
		}
	}
	if m.Position.Records != int64(len(lines)) {
		t.Errorf("the manifest says %d records, not %d", m.Position.Records, len(lines))
	}
}

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func must(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func bytesOf(t tb, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	must(t, err)
	return string(b)
}

func put(t tb, name, content string) {
	t.Helper()
	must(t, os.WriteFile(name, []byte(content), 0o600))
}

func missing(t tb, name string) {
	t.Helper()
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v, want it not to exist", filepath.Base(name), err)
	}
}

// wantKind fails unless err is of that kind, names its path, and says each of the words.
func wantKind(t tb, err error, kind job.Kind, path string, words ...string) {
	t.Helper()
	var e *job.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("got %v, want an error of kind %s", err, kind)
	}
	if e.Path != path {
		t.Errorf("the error names %q, want %q", e.Path, path)
	}
	if e.Hint == "" && kind != job.ClaimLost {
		t.Errorf("no hint: %v", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

// tree is every file under the output's folder and its content, to see that nothing changed.
func (w world) tree(t tb) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, filepath.WalkDir(filepath.Dir(w.path), func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[p] = bytesOf(t, p)
		}
		return err
	}))
	return files
}

// emptyDigest is the digest of no bytes.
func emptyDigest(t tb) output.Digest {
	t.Helper()
	state, err := sha256.New().(encoding.BinaryMarshaler).MarshalBinary()
	must(t, err)
	return output.Digest{SHA256: sha(""), State: state}
}
