package output

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/longhaul/longhaul/job"
)

// Verified is what Verify found to be right.
type Verified struct {
	Manifest
	// Uncommitted is the bytes of the output past the position: those of an append that has not ended, or never will.
	Uncommitted int64
}

// Verify reads the output and its errors file and checks them against the manifest: their lengths, a line a record, an errors line a failed record, and the
// digests of the committed bytes. It may run beside a job: it takes the manifest as it stands when it begins. It reads each byte
// once, in little memory. Its error is a *job.Error of kind OutputChanged that says what differs.
func (o Output) Verify(ctx context.Context) (Verified, error) {
	m, err := o.Load()
	if err != nil {
		return Verified{}, o.noOutput("verify", err)
	}
	v, err := o.verify(ctx, m)
	if err == nil {
		return v, nil
	}
	if o.patchedSince(m) {
		return o.Verify(ctx)
	}
	return v, err
}

func (o Output) verify(ctx context.Context, m Manifest) (Verified, error) {
	v := Verified{Manifest: m}
	extra, err := o.verifyFile(ctx, m, o.path, m.Position.OutputBytes, m.Answered(), m.Spec.OutputDelimiter, m.OutputDigest)
	if err != nil {
		return v, err
	}
	v.Uncommitted = extra
	more, err := o.verifyFile(ctx, m, o.Errors(), m.Position.ErrorBytes, m.Totals.Failed, job.DelimiterNewline, m.ErrorsDigest)
	switch {
	case err != nil:
		return v, err
	case m.Complete && extra > 0:
		return v, o.differs(o.path, fmt.Errorf("%d bytes stand behind the end of the finished output", extra))
	case m.Complete && more > 0:
		return v, o.differs(o.Errors(), fmt.Errorf("%d bytes stand behind the end of the finished errors file", more))
	}
	return v, nil
}

// verifyFile checks the first size bytes of a file, and returns how many stand behind them.
func (o Output) verifyFile(ctx context.Context, m Manifest, path string, size, lines int64, end job.Delimiter, want Digest) (extra int64, err error) {
	f, err := o.fs.Open(o.standing(m, path))
	if errors.Is(err, fs.ErrNotExist) {
		if size == 0 {
			return 0, nil
		}
		return 0, o.differs(path, fmt.Errorf("the file is gone; %d bytes of it were committed", size))
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	have, err := f.Size()
	if err != nil {
		return 0, err
	}
	if have < size {
		return 0, o.differs(path, fmt.Errorf("the file has %d bytes; %d were committed", have, size))
	}
	hash := sha256.New()
	found, err := countLines(ctx, io.TeeReader(io.NewSectionReader(f, 0, size), hash), end)
	if err != nil {
		return 0, err
	}
	if found != lines {
		return 0, o.differs(path, fmt.Errorf("it has %d lines where %d were committed", found, lines))
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want.SHA256 {
		return 0, o.differs(path, fmt.Errorf("the SHA-256 of its %d committed bytes is %s; %s was committed", size, got, want.SHA256))
	}
	return have - size, nil
}

func countLines(ctx context.Context, r io.Reader, end job.Delimiter) (n int64, err error) {
	delimiter := []byte{end.Byte()}
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		got, err := r.Read(buf)
		n += int64(bytes.Count(buf[:got], delimiter))
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

func (o Output) differs(path string, err error) error {
	return &job.Error{
		Kind: job.OutputChanged, Op: "verify", Path: path, Err: err,
		Hint: "somebody changed it; restore it, or start anew with --overwrite",
	}
}
