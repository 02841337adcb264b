package output

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// Output is the paths of one output. It holds nothing open.
type Output struct {
	fs   fsys.FS
	path string
}

// At returns the output at path, which need not exist yet.
func At(fs fsys.FS, path string) Output { return Output{fs: fs, path: path} }

// Dir is the job's folder beside the output.
func (o Output) Dir() string { return o.path + ".longhaul" }

// Segments is the folder of the segments.
func (o Output) Segments() string { return filepath.Join(o.Dir(), "segments") }

// Unpacked is the folder of the input's unpacked files.
func (o Output) Unpacked() string { return filepath.Join(o.Dir(), "unpacked") }

// Stdin is the folder in which a standard input is kept.
func (o Output) Stdin() string { return filepath.Join(o.Dir(), "stdin") }

// Errors is the path of the errors file.
func (o Output) Errors() string { return filepath.Join(o.Dir(), "errors.jsonl") }

func (o Output) manifest() string { return filepath.Join(o.Dir(), "manifest") }

// Load reads the manifest without the lock: a whole one, perhaps no longer the newest. Its error wraps fs.ErrNotExist where
// the output was never begun.
func (o Output) Load() (Manifest, error) {
	f, err := o.fs.Open(o.manifest())
	if err != nil {
		return Manifest{}, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return Manifest{}, err
	}
	if size > 1<<20 {
		return Manifest{}, o.broken(ErrContent)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil {
		return Manifest{}, err
	}
	m, err := Decode(b)
	if err != nil {
		return Manifest{}, o.broken(err)
	}
	return m, nil
}

func (o Output) broken(err error) error {
	e := &job.Error{Kind: job.Corrupt, Op: "read manifest", Path: o.manifest(), Err: err, Hint: "restore it, or start anew with --overwrite"}
	if errors.Is(err, ErrVersion) {
		e.Kind, e.Hint = job.UnknownVersion, "use the longhaul that wrote it, or start anew with --overwrite"
	}
	return e
}

func (o Output) store(m Manifest) error {
	b, err := m.Encode()
	if err != nil {
		return err
	}
	return fsys.WriteFile(o.fs, o.manifest(), b, 0o600)
}

// lock waits for the output's lock, which the returned file holds until it is closed.
func (o Output) lock(ctx context.Context) (fsys.File, error) {
	return fsys.OpenLocked(ctx, o.fs, filepath.Join(o.Dir(), "lock"), 0o600)
}

// ClaimRequest asks to write an output.
type ClaimRequest struct {
	Claim Claim
	Spec  Identity
	Input job.InputSet
	// Job is the first run id of the claiming job.
	Job string
	// Overwrite begins the output anew, unless this very job began it.
	Overwrite bool
	// Alive says whether the job that holds a claim still runs. It is asked for other jobs' claims only.
	Alive func(context.Context, Claim) (bool, error)
}

// Claim makes the claim the output's, beginning the output where there is none, and returns where it stands. What a dead append left
// past the position is cut.
func (o Output) Claim(ctx context.Context, r ClaimRequest) (m Manifest, err error) {
	if _, err := o.Load(); errors.Is(err, fs.ErrNotExist) && !r.Overwrite {
		if err := o.refuseForeign(); err != nil {
			return m, err // before anything is made beside it
		}
	}
	if err := o.makeDirs(); err != nil {
		return m, err
	}
	l, err := o.lock(ctx)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()

	m, err = o.Load()
	switch {
	case err == nil:
		if err := o.refuseAlive(ctx, m.Claim, r); err != nil {
			return m, err
		}
		if r.Overwrite && m.BegunBy != r.Job {
			return o.begin(r)
		}
	case errors.Is(err, fs.ErrNotExist):
		if err := o.refuseForeign(); err != nil && !r.Overwrite {
			return m, err
		}
		return o.begin(r)
	case r.Overwrite && job.KindOf(err) != "": // the manifest is broken; one that cannot be read may be this job's own
		return o.begin(r)
	default:
		return m, err
	}
	if err := o.sameJob(m, r); err != nil {
		return m, err
	}
	if m, err = o.finishSwap(m); err != nil {
		return m, err
	}
	if err := o.cutBoth(m); err != nil {
		return m, err
	}
	m.Claim, m.Input = r.Claim, r.Input // whose paths may be others
	return m, o.store(m)
}

func (o Output) makeDirs() error {
	if fi, err := o.fs.Stat(o.path); err == nil && !fi.Mode().IsRegular() {
		return &job.Error{Kind: job.OutputExists, Op: "open output", Path: o.path, Err: errors.New("not a regular file"), Hint: "name a file"}
	}
	for _, dir := range []string{o.Dir(), o.Segments()} {
		if err := o.makeDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// makeDir makes a folder where there is none.
func (o Output) makeDir(dir string) error {
	if err := o.fs.Mkdir(dir, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	return o.fs.SyncDir(filepath.Dir(dir))
}

// refuseAlive refuses a claim while the job that holds the output is alive.
func (o Output) refuseAlive(ctx context.Context, held Claim, r ClaimRequest) error {
	if held.SameJob(r.Claim) {
		return nil
	}
	alive, err := r.Alive(ctx, held)
	if err != nil || !alive {
		return err
	}
	return &job.Error{
		Kind: job.OutputClaimed, Op: "claim output", Path: o.path,
		Err:  fmt.Errorf("job %q (namespace %s) is writing it", held.WorkflowID, held.Namespace),
		Hint: "wait for that job, end it, or choose another output",
	}
}

// refuseForeign refuses an output with content that longhaul did not begin.
func (o Output) refuseForeign() error {
	fi, err := o.fs.Stat(o.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (fi.Size() == 0 || !fi.Mode().IsRegular()) {
		return nil // what is no file is refused by makeDirs
	}
	if err != nil {
		return err
	}
	return &job.Error{
		Kind: job.OutputExists, Op: "open output", Path: o.path, Err: errors.New("a file that longhaul did not begin stands here"),
		Hint: "choose another output, or start anew with --overwrite",
	}
}

// begin starts the output anew. The manifest comes first: what stands in the files past position 0 does not count from then on.
func (o Output) begin(r ClaimRequest) (Manifest, error) {
	var g [16]byte
	if _, err := rand.Read(g[:]); err != nil {
		return Manifest{}, err
	}
	empty, err := digestOf(sha256.New())
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{
		Generation: hex.EncodeToString(g[:]), Claim: r.Claim, BegunBy: r.Job,
		Input: r.Input, Spec: r.Spec, OutputDigest: empty, ErrorsDigest: empty,
	}
	if err := o.store(m); err != nil {
		return m, err
	}
	return m, errors.Join(o.cutBoth(m), o.removeRetries(""))
}

// sameJob refuses a job that would not write the bytes that the output was begun with.
func (o Output) sameJob(m Manifest, r ClaimRequest) error {
	if diff := m.Spec.difference(r.Spec); diff != "" {
		return &job.Error{
			Kind: job.SpecChanged, Op: "resume output", Path: o.path, Err: errors.New("it was begun by another job: " + diff),
			Hint: "repeat that job's command, choose another output, or start anew with --overwrite",
		}
	}
	diff, file := m.Input.Difference(r.Input)
	if diff == "" {
		return nil
	}
	e := &job.Error{
		Kind: job.InputChanged, Op: "resume output", Path: o.path,
		Err:  fmt.Errorf("the input is not the one that %s was begun with: %s", o.path, diff),
		Hint: "restore the input, or start anew with --overwrite",
	}
	if file >= 0 {
		e.Path = r.Input[file].Path
		if was := m.Input[file]; was.OnlyTouched(r.Input[file]) {
			e.Hint = fmt.Sprintf("if only its time changed, run touch -d %s on it; else start anew with --overwrite", was.Modified.Format(time.RFC3339Nano))
		}
	}
	return e
}

// difference names the first difference between two identities, old first; "" where there is none.
func (i Identity) difference(j Identity) string {
	switch {
	case i.Task != j.Task:
		return fmt.Sprintf("its task is %s, not %s", i.Task, j.Task)
	case i.Format != j.Format:
		return fmt.Sprintf("its format is %s, not %s", i.Format, j.Format)
	case !bytes.Equal(i.Args, j.Args):
		return fmt.Sprintf("its task's arguments are %s, not %s", i.Args, j.Args)
	case i.InputFormat != j.InputFormat:
		return fmt.Sprintf("its input format is %s, not %s", cmp.Or(i.InputFormat, job.InputLines), cmp.Or(j.InputFormat, job.InputLines))
	case i.OutputDelimiter != j.OutputDelimiter:
		return fmt.Sprintf("its lines end with %s, not %s", cmp.Or(i.OutputDelimiter, job.DelimiterNewline), cmp.Or(j.OutputDelimiter, job.DelimiterNewline))
	}
	for _, f := range []struct {
		name     string
		old, now any
	}{
		{"order", cmp.Or(i.Order, job.OrderInput), cmp.Or(j.Order, job.OrderInput)},
		{"selectInput", cmp.Or(i.SelectInput, "."), cmp.Or(j.SelectInput, ".")},
		{"select", cmp.Or(i.Select, "."), cmp.Or(j.Select, ".")},
		{"skip", i.Skip, j.Skip},
		{"limit", i.Limit, j.Limit},
		{"sample", i.Sample, j.Sample},
		{"seed", i.Seed, j.Seed},
	} {
		if f.old != f.now {
			return fmt.Sprintf("its %s is %v, not %v", f.name, f.old, f.now)
		}
	}
	return ""
}

// cutBoth makes output and errors file as long as the manifest says, or refuses where one is shorter.
func (o Output) cutBoth(m Manifest) error {
	for path, size := range map[string]int64{o.path: m.Position.OutputBytes, o.Errors(): m.Position.ErrorBytes} {
		file, err := o.openCut(path, size)
		if err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}

// openCut opens a file of which size bytes are committed, and cuts it there. It makes the file, for good, only where nothing is committed.
func (o Output) openCut(path string, size int64) (fsys.File, error) {
	f, err := o.fs.OpenWrite(path, size == 0, 0o666)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &job.Error{
			Kind: job.OutputChanged, Op: "open output", Path: path, Err: fmt.Errorf("the file is gone; %d bytes of it were committed", size),
			Hint: "restore it, or start anew with --overwrite",
		}
	}
	if err != nil {
		return nil, err
	}
	have, err := f.Size()
	switch {
	case err != nil:
	case have < size:
		err = &job.Error{
			Kind: job.OutputChanged, Op: "open output", Path: path, Err: fmt.Errorf("the file has %d bytes; %d were committed", have, size),
			Hint: "restore it, or start anew with --overwrite",
		}
	case have > size:
		err = f.Truncate(size)
	}
	if err == nil && size == 0 {
		err = o.fs.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
