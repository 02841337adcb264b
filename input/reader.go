package input

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/longhaul/longhaul/job"
)

// readBuffer is the memory in bytes that a Reader takes beside its longest record.
const readBuffer = 64 << 10

// Reader reads the records of one chunk in order. It is not for concurrent use.
type Reader struct {
	chunk     job.Chunk
	part      part
	selection job.Selection
	buf       *bufio.Reader
	split     splitter
	decode    func([]byte) ([]byte, error) // makes a record of its bytes
	long      []byte                       // a line that does not fit into buf
	rows      []byte                       // a row of several lines
	sum       uint32
	read      int64 // bytes of the chunk
	index     int
	number    int64 // in the input, of the record that comes next
}

// Reader returns a Reader of a chunk. The Input must stay open, and nothing else of it be read, until the Reader is done.
func (in *Input) Reader(c job.Chunk) (*Reader, error) {
	i := in.at(c.Offset)
	if i == len(in.parts) {
		return nil, Changed(in.layout.Files.Paths().String(), fmt.Errorf("%w: it ends before byte %d", ErrMismatch, c.Offset))
	}
	f, err := in.file(i)
	if err != nil {
		return nil, err
	}
	r := &Reader{
		chunk: c, part: in.parts[i], selection: in.layout.Selection, split: newSplitter(in.layout.Format),
		number: in.layout.Selection.Number(c.First),
	}
	if r.decode, err = newDecoder(in.layout.Format, io.NewSectionReader(f, 0, r.part.size)); err != nil {
		return nil, Changed(r.part.path, err) // it was right when the job began
	}
	r.buf = bufio.NewReaderSize(io.NewSectionReader(f, c.Offset-r.part.start, c.Length), readBuffer)
	return r, nil
}

// ErrMismatch says that the bytes are not those that were listed.
var ErrMismatch = errors.New("its bytes are not those listed before")

// RecordError is a record that breaks a rule of the input's format. Others do not suffer from it.
type RecordError struct {
	// Path of the file.
	Path string
	// Number of the record in the input, from 0, and Offset of its first byte in the file.
	Number, Offset int64
	Err            error
}

// Error names file, record, byte, and the rule.
func (e *RecordError) Error() string {
	return fmt.Sprintf("%s: record %d, which begins at byte %d: %v", e.Path, e.Number, e.Offset, e.Err)
}

// Unwrap returns the rule that was broken.
func (e *RecordError) Unwrap() error { return e.Err }

// Next returns the next record, valid until the call after, and its index in the chunk. With a *RecordError it returns the record's bytes as
// they stand in the input, and can go on. After the last one it returns io.EOF if the chunk's bytes are those that were listed, and else a *job.Error of
// kind InputChanged that wraps ErrMismatch.
func (r *Reader) Next() ([]byte, int, error) {
	if r.index == r.chunk.Records {
		if r.read != r.chunk.Length || r.sum != r.chunk.Checksum {
			return nil, 0, r.mismatch()
		}
		return nil, 0, io.EOF
	}
	raw, err := r.next()
	if err != nil {
		return nil, 0, err
	}
	r.index++
	if r.decode == nil {
		return trimEnd(raw, r.split.delimiter), r.index - 1, nil
	}
	record, err := r.decode(raw)
	if err != nil {
		begin := r.chunk.Offset - r.part.start + r.read - int64(len(raw))
		return trimEnd(raw, r.split.delimiter), r.index - 1, &RecordError{Path: r.part.path, Number: r.number - 1, Offset: begin, Err: err}
	}
	return record, r.index - 1, nil
}

// next returns the bytes of the next record that is taken, with its end.
func (r *Reader) next() ([]byte, error) {
	for want := r.selection.Number(r.chunk.First + int64(r.index)); ; {
		raw, err := r.raw()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if len(raw) == 0 {
			return nil, r.mismatch()
		}
		r.number++
		if r.number > want {
			return raw, nil
		}
	}
}

// raw returns the next record with its end; nothing at the chunk's end.
func (r *Reader) raw() ([]byte, error) {
	if r.split.comma != 0 {
		return r.row()
	}
	line, err := r.line()
	r.account(line)
	return line, err
}

// row is raw for rows, which may be of several lines.
func (r *Reader) row() ([]byte, error) {
	r.rows = r.rows[:0]
	if cap(r.rows) > 1<<20 {
		r.rows = nil
	}
	for {
		line, err := r.line()
		r.account(line)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		_, ended := r.split.next(line)
		switch {
		case ended && len(r.rows) == 0:
			return line, err
		case len(line) > 0 && !ended && !r.split.pending():
			continue // an empty line
		}
		r.rows = append(r.rows, line...)
		if ended || err != nil {
			r.split.state = rowStart
			return r.rows, err
		}
	}
}

// account takes note of bytes read.
func (r *Reader) account(b []byte) {
	r.read += int64(len(b))
	r.sum = crc32.Update(r.sum, castagnoli, b)
}

// line returns the next bytes up to a delimiter, with it.
func (r *Reader) line() ([]byte, error) {
	line, err := r.buf.ReadSlice(r.split.delimiter)
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	if cap(r.long) > 1<<20 {
		r.long = nil
	}
	r.long = r.long[:0]
	for errors.Is(err, bufio.ErrBufferFull) {
		r.long = append(r.long, line...)
		line, err = r.buf.ReadSlice(r.split.delimiter)
	}
	r.long = append(r.long, line...)
	return r.long, err
}

func (r *Reader) mismatch() error {
	return Changed(r.part.path, fmt.Errorf("%w: %s, bytes %d to %d", ErrMismatch, r.chunk, r.chunk.Offset-r.part.start, r.chunk.EndOffset()-r.part.start))
}

// trimEnd takes the delimiter off a record, and the CR before an LF.
func trimEnd(raw []byte, delimiter byte) []byte {
	n := len(raw) - 1
	if n < 0 || raw[n] != delimiter {
		return raw
	}
	raw = raw[:n]
	if delimiter == '\n' {
		raw = bytes.TrimSuffix(raw, []byte{'\r'})
	}
	return raw
}
