package output

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// Append is an append under way. It holds the output's lock until Close. It is not for concurrent use.
// After a failed write nothing can be committed.
type Append struct {
	out      Output
	lock     fsys.File
	manifest Manifest
	output   *tail
	errors   *tail
	err      error // of a failed Commit
}

// Append begins an append at position from, as the run of claim. Where the output already stands further on, by its records or, in the order of
// completion, by its bytes, since every append adds some, it returns nil and the manifest: that append happened before. It refuses where the claim is another's, the output stands
// behind from, or the file is shorter than what was committed.
func (o Output) Append(ctx context.Context, claim Claim, from job.Position) (*Append, Manifest, error) {
	l, err := o.lock(ctx)
	if err != nil {
		return nil, Manifest{}, err
	}
	a, m, err := o.append(l, claim, from)
	if a == nil {
		err = errors.Join(err, l.Close())
	}
	return a, m, err
}

func (o Output) append(l fsys.File, claim Claim, from job.Position) (*Append, Manifest, error) {
	m, err := o.Load()
	if err != nil {
		return nil, m, err
	}
	if m.Claim != claim {
		return nil, m, o.ClaimLost(m)
	}
	if m.Position.Records > from.Records || m.Spec.Order == job.OrderCompletion && m.Position.OutputBytes > from.OutputBytes {
		return nil, m, o.fs.SyncDir(o.Dir()) // the one that wrote it may have died before its own sync
	}
	if m.Position != from {
		return nil, m, &job.Error{
			Kind: job.OutputChanged, Op: "append", Path: o.path,
			Err:  fmt.Errorf("the output stands at record %d; the job had brought it to record %d", m.Position.Records, from.Records),
			Hint: "its manifest was put back to an older one; restore it, or start anew with --overwrite",
		}
	}
	a := &Append{out: o, lock: l, manifest: m}
	if a.output, err = o.openTail(o.path, m.Position.OutputBytes, m.OutputDigest); err != nil {
		return nil, m, err
	}
	if a.errors, err = o.openTail(o.Errors(), m.Position.ErrorBytes, m.ErrorsDigest); err != nil {
		return nil, m, errors.Join(err, a.output.file.Close())
	}
	a.output.delimiter = m.Spec.OutputDelimiter
	return a, m, nil
}

// ClaimLost is the error of a run that finds the manifest claimed by another.
func (o Output) ClaimLost(m Manifest) error {
	return &job.Error{
		Kind: job.ClaimLost, Op: "claim output", Path: o.path,
		Err: fmt.Errorf("run %s of job %q has claimed it since", m.Claim.RunID, m.Claim.WorkflowID),
	}
}

// Line writes a record's output line, without its end.
func (a *Append) Line(line []byte) error { return a.output.line(line) }

// Failure writes a failed record's errors line, without its newline.
func (a *Append) Failure(line []byte) error { return a.errors.line(line) }

// Commit makes what was written count: it syncs both files, then moves the manifest to the record and input offset given, adding totals.
// On an error the old position stands, or, if only the very last sync failed, perhaps the new one; every later Commit returns that error.
func (a *Append) Commit(records, inputOffset int64, totals job.Totals, complete bool) (Manifest, error) {
	if a.err != nil {
		return a.manifest, a.err
	}
	m, err := a.commit(records, inputOffset, nil, totals, complete)
	a.err = err
	return m, err
}

// CommitAhead is Commit in the order of completion: for the lines of chunks anywhere beyond the position, which none of them may overlap.
func (a *Append) CommitAhead(chunks []job.Chunk, totals job.Totals, complete bool) (Manifest, error) {
	if a.err != nil {
		return a.manifest, a.err
	}
	p, ahead := a.manifest.Position, a.manifest.Ahead
	for _, c := range chunks {
		if c.First < p.Records || ahead.Overlaps(c) {
			return a.manifest, fmt.Errorf("commit: %s overlap with what is committed", c)
		}
		ahead = ahead.Add(c)
	}
	p.Records, p.InputOffset, ahead = ahead.From(p.Records, p.InputOffset)
	if complete && len(ahead) > 0 {
		return a.manifest, fmt.Errorf("commit: complete, with record %d unanswered", p.Records)
	}
	m, err := a.commit(p.Records, p.InputOffset, ahead, totals, complete)
	a.err = err
	return m, err
}

func (a *Append) commit(records, inputOffset int64, ahead job.Ahead, totals job.Totals, complete bool) (Manifest, error) {
	m := a.manifest
	m.Ahead = ahead
	var err error
	fault.Point("output.write")
	if m.OutputDigest, err = a.output.sync(); err != nil {
		return m, err
	}
	if m.ErrorsDigest, err = a.errors.sync(); err != nil {
		return m, err
	}
	fault.Point("output.synced")
	m.Position = job.Position{Records: records, InputOffset: inputOffset, OutputBytes: a.output.end, ErrorBytes: a.errors.end}
	m.Totals = m.Totals.Add(totals)
	m.Complete = complete
	if err := a.out.store(m); err != nil {
		return m, err
	}
	a.manifest = m
	return m, nil
}

// Close lets go of the files and the lock.
func (a *Append) Close() error {
	return errors.Join(a.output.file.Close(), a.errors.file.Close(), a.lock.Close())
}

// tail is the end of a file that grows: positional, buffered, hashed.
type tail struct {
	path string
	file fsys.File
	buf  *bufio.Writer
	hash hash.Hash
	end  int64 // with what is buffered

	delimiter job.Delimiter // ends a line
}

const tailBuffer = 256 << 10

func (o Output) openTail(path string, size int64, d Digest) (*tail, error) {
	h, err := d.resume()
	if err != nil {
		return nil, o.broken(fmt.Errorf("%w: %w", ErrContent, err))
	}
	f, err := o.openCut(path, size)
	if err != nil {
		return nil, err
	}
	w := io.MultiWriter(io.NewOffsetWriter(f, size), h)
	return &tail{path: path, file: f, buf: bufio.NewWriterSize(w, tailBuffer), hash: h, end: size}, nil
}

func (t *tail) line(line []byte) error {
	if _, err := t.buf.Write(line); err != nil {
		return err
	}
	t.end += int64(len(line)) + 1
	return t.buf.WriteByte(t.delimiter.Byte())
}

// sync makes the file's bytes and its end last, where nothing was added too: what a dead append left may have been cut but a moment ago.
func (t *tail) sync() (Digest, error) {
	if err := t.buf.Flush(); err != nil {
		return Digest{}, err
	}
	fault.Point("output.written")
	if err := t.file.Sync(); err != nil {
		return Digest{}, err
	}
	return digestOf(t.hash)
}
