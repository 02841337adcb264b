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
	chunk job.Chunk
	buf   *bufio.Reader
	long  []byte // a record that does not fit into buf
	sum   uint32
	read  int64
	index int
}

// NewReader returns a Reader of chunk c of the input r.
func NewReader(r io.ReaderAt, c job.Chunk) *Reader {
	return &Reader{chunk: c, buf: bufio.NewReaderSize(io.NewSectionReader(r, c.Offset, c.Length), readBuffer)}
}

// ErrMismatch says that the bytes are not those that were listed.
var ErrMismatch = errors.New("its bytes are not those listed before")

// Next returns the next record, valid until the call after, and its index in the chunk. After the last one it returns io.EOF if the chunk's bytes are those
// that were listed, and else an error that wraps ErrMismatch.
func (r *Reader) Next() ([]byte, int, error) {
	if r.index == r.chunk.Records {
		if r.read != r.chunk.Length || r.sum != r.chunk.Checksum {
			return nil, 0, r.mismatch()
		}
		return nil, 0, io.EOF
	}
	line, err := r.line()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	if len(line) == 0 {
		return nil, 0, r.mismatch()
	}
	r.read += int64(len(line))
	r.sum = crc32.Update(r.sum, castagnoli, line)
	r.index++
	return trimEnd(line), r.index - 1, nil
}

// line returns the next line with its end.
func (r *Reader) line() ([]byte, error) {
	line, err := r.buf.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	if cap(r.long) > 1<<20 {
		r.long = nil
	}
	r.long = r.long[:0]
	for errors.Is(err, bufio.ErrBufferFull) {
		r.long = append(r.long, line...)
		line, err = r.buf.ReadSlice('\n')
	}
	r.long = append(r.long, line...)
	return r.long, err
}

func (r *Reader) mismatch() error {
	return fmt.Errorf("%w: %s, bytes %d to %d", ErrMismatch, r.chunk, r.chunk.Offset, r.chunk.EndOffset())
}

// trimEnd takes LF or CRLF off a line.
func trimEnd(line []byte) []byte {
	line, found := bytes.CutSuffix(line, []byte{'\n'})
	if found {
		line = bytes.TrimSuffix(line, []byte{'\r'})
	}
	return line
}
