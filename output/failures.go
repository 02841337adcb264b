package output

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// Failures hands each committed line of the errors file, without its newline and valid until the next, to f, in order, and returns the manifest by which they are committed.
// It may run beside a job. It holds one line in memory.
func (o Output) Failures(ctx context.Context, f func(line []byte) error) (Manifest, error) {
	file, m, err := o.openErrors()
	if file == nil || err != nil {
		return m, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return m, err
	}
	if size < m.Position.ErrorBytes {
		return m, o.shortErrors(fmt.Errorf("the file has %d bytes; %d were committed", size, m.Position.ErrorBytes))
	}
	return m, eachLine(ctx, io.NewSectionReader(file, 0, m.Position.ErrorBytes), f)
}

// openErrors opens the errors file that goes with the manifest; none where nothing of it is committed.
func (o Output) openErrors() (fsys.File, Manifest, error) {
	m, err := o.Load()
	if err != nil || m.Position.ErrorBytes == 0 {
		return nil, m, o.noOutput("read errors", err)
	}
	file, err := o.fs.Open(o.standing(m, o.Errors()))
	switch {
	case o.patchedSince(m):
		if err == nil {
			_ = file.Close() // which was only read
		}
		return o.openErrors()
	case errors.Is(err, fs.ErrNotExist):
		return nil, m, o.shortErrors(fmt.Errorf("the file is gone; %d bytes of it were committed", m.Position.ErrorBytes))
	}
	return file, m, err
}

func (o Output) shortErrors(err error) error {
	return &job.Error{Kind: job.OutputChanged, Op: "read errors", Path: o.Errors(), Err: err, Hint: "somebody changed it; restore it, or start anew with --overwrite"}
}

// lineBuffer is the memory in bytes that reading lines takes beside the longest of them.
const lineBuffer = 256 << 10

// eachLine hands the lines of r to f, each without its newline and valid until the next.
func eachLine(ctx context.Context, r io.Reader, f func(line []byte) error) error {
	l := newLines(r, '\n')
	for i := 0; ; i++ {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(line); err != nil {
			return err
		}
	}
}

// lines reads lines of any length, or what else ends with a certain byte.
type lines struct {
	buf  *bufio.Reader
	end  byte
	long []byte
}

func newLines(r io.Reader, end byte) lines {
	return lines{buf: bufio.NewReaderSize(r, lineBuffer), end: end}
}

// next returns the next line without its end, valid until the call after, and io.EOF behind the last one.
func (l *lines) next() ([]byte, error) {
	l.long = l.long[:0]
	for {
		b, err := l.buf.ReadSlice(l.end)
		if err == nil && len(l.long) == 0 {
			return b[:len(b)-1], nil
		}
		l.long = append(l.long, b...)
		switch {
		case err == nil:
			return l.long[:len(l.long)-1], nil
		case errors.Is(err, io.EOF) && len(l.long) > 0:
			return nil, io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
