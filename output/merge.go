package output

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// merge writes the files of a patched output into the folder of its retry, and returns the manifest that tells of them.
func (o Output) merge(ctx context.Context, m Manifest, retry Output, from Manifest) (_ Manifest, err error) {
	p := merging{manifest: m}
	defer func() { err = errors.Join(err, p.close()) }()
	if err := p.open(o, retry, from); err != nil {
		return m, err
	}
	if err := p.run(ctx); err != nil {
		return m, err
	}
	if m.OutputDigest, err = p.output.sync(); err != nil {
		return m, err
	}
	if m.ErrorsDigest, err = p.errors.sync(); err != nil {
		return m, err
	}
	if err := o.fs.SyncDir(o.retryDir(m)); err != nil {
		return m, err
	}
	m.Position.OutputBytes, m.Position.ErrorBytes = p.output.end, p.errors.end
	m.Totals = job.Totals{Failed: p.failed, Tries: m.Totals.Tries + from.Totals.Tries, TaskMicros: m.Totals.TaskMicros + from.Totals.TaskMicros}
	m.Swap = filepath.Base(o.retryDir(m))
	m.Patches++
	return m, nil
}

// merging is the five files that a merge reads, and the two that it writes. It holds a line of each in memory.
type merging struct {
	manifest Manifest
	lines    lines    // of the output
	failures numbered // of the errors file
	retried  numbered // the records of the retry
	results  lines    // of the retry
	again    numbered // what failed again
	output   *tail
	errors   *tail
	failed   int64
	files    []fsys.File
}

// numbered is lines that tell a record's number, in order of those.
type numbered struct {
	lines
	number func(line []byte) (int64, error)
	at     int64 // number of the line in hand; math.MaxInt64 behind the last one
	line   []byte
}

func (n *numbered) advance() (err error) {
	n.line, err = n.next()
	if errors.Is(err, io.EOF) {
		n.at = math.MaxInt64
		return nil
	}
	if err == nil {
		n.at, err = n.number(n.line)
	}
	return err
}

func numberOfFailure(line []byte) (int64, error) {
	var r struct {
		Record int64 `json:"record"`
	}
	err := json.Unmarshal(line, &r)
	return r.Record, err
}

func numberOfRetried(line []byte) (int64, error) {
	n, _, err := DecodeRetry(line)
	return n, err
}

func (p *merging) open(o, retry Output, from Manifest) (err error) {
	m := p.manifest
	end := m.Spec.OutputDelimiter.Byte()
	if p.lines, err = p.section(o.fs, o.path, m.Position.OutputBytes, end); err != nil {
		return err
	}
	if p.results, err = p.section(o.fs, retry.path, from.Position.OutputBytes, end); err != nil {
		return err
	}
	for _, f := range []struct {
		to     *numbered
		path   string
		size   int64
		end    byte
		number func([]byte) (int64, error)
	}{
		{&p.failures, o.Errors(), m.Position.ErrorBytes, '\n', numberOfFailure},
		{&p.again, retry.Errors(), from.Position.ErrorBytes, '\n', numberOfFailure},
		{&p.retried, o.RetryInput(m), from.Position.InputOffset, retryEnd, numberOfRetried},
	} {
		f.to.number = f.number
		if f.to.lines, err = p.section(o.fs, f.path, f.size, f.end); err != nil {
			return err
		}
		if err := f.to.advance(); err != nil {
			return p.differs(f.path, err)
		}
	}
	folder := filepath.Base(o.retryDir(m))
	if p.output, err = p.create(o, o.newOutput(folder)); err != nil {
		return err
	}
	p.output.delimiter = m.Spec.OutputDelimiter
	p.errors, err = p.create(o, o.newErrors(folder))
	return err
}

// section opens the first size bytes of a file as lines.
func (p *merging) section(disk fsys.FS, path string, size int64, end byte) (lines, error) {
	f, err := disk.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return lines{}, p.differs(path, fmt.Errorf("the file is gone; %d bytes of it were committed", size))
	}
	if err != nil {
		return lines{}, err
	}
	p.files = append(p.files, f)
	have, err := f.Size()
	if err == nil && have < size {
		err = p.differs(path, fmt.Errorf("the file has %d bytes; %d were committed", have, size))
	}
	return newLines(io.NewSectionReader(f, 0, size), end), err
}

// create begins a new file.
func (p *merging) create(o Output, path string) (*tail, error) {
	empty, err := digestOf(sha256.New())
	if err != nil {
		return nil, err
	}
	t, err := o.openTail(path, 0, empty)
	if err == nil {
		p.files = append(p.files, t.file)
	}
	return t, err
}

func (p *merging) close() (err error) {
	for _, f := range p.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// run goes through the records of the output.
func (p *merging) run(ctx context.Context) error {
	for i := range p.manifest.Position.Records {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line, err := p.lines.next()
		if err == nil && p.failures.at == p.manifest.Spec.Number(i) {
			line, err = p.failure(line)
		}
		if err != nil {
			return p.differs(p.output.path, err)
		}
		if err := p.output.line(line); err != nil {
			return err
		}
	}
	if p.failures.at != math.MaxInt64 || p.retried.at != math.MaxInt64 || p.again.at != math.MaxInt64 {
		return p.differs(p.output.path, errors.New("a failed record has no line"))
	}
	return nil
}

// failure returns the line of a failed record, and notes it in the errors file where it is still one.
func (p *merging) failure(line []byte) ([]byte, error) {
	number, cause := p.failures.at, p.failures.line
	if p.retried.at == number {
		result, err := p.results.next()
		if err != nil {
			return nil, err
		}
		if err := p.retried.advance(); err != nil {
			return nil, err
		}
		if p.again.at != number {
			return result, p.failures.advance()
		}
		line, cause = result, p.again.line
	}
	p.failed++
	if err := p.errors.line(cause); err != nil {
		return nil, err
	}
	if p.again.at == number {
		if err := p.again.advance(); err != nil {
			return nil, err
		}
	}
	return line, p.failures.advance()
}

// differs words what the files of a patch do not agree upon. An error of the disk stays as it is.
func (p *merging) differs(path string, err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it has fewer lines than records")
	}
	return &job.Error{
		Kind: job.OutputChanged, Op: "patch", Path: path, Err: err, Hint: "somebody changed it, or one of the files beside it; longhaul verify tells which of those that were committed",
	}
}
