package input

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/longhaul/longhaul/job"
)

// listBuffer is the memory in bytes that a listing takes.
const listBuffer = 1 << 20

// List finds the boundaries of the next chunks of an input of size bytes, read through r, as the request asks. It reads each byte once and holds
// listBuffer of them. A record of more than MaxRecord bytes, and 2 for its end, is an error.
func List(ctx context.Context, r io.ReaderAt, size int64, q job.ListRequest) (job.Page, error) {
	until := size
	if q.Until > 0 {
		until = min(size, q.Until)
	}
	l := lister{request: q, records: q.Records, until: until, chunk: job.Chunk{First: q.Record, Offset: q.Offset}, page: job.Page{Chunks: []job.Chunk{}}}
	if q.StartRecords > 0 {
		l.records = min(q.StartRecords, q.Records)
	}
	buf := make([]byte, min(listBuffer, max(0, until-q.Offset)))
	for at := q.Offset; at < until; {
		if err := ctx.Err(); err != nil {
			return job.Page{}, err
		}
		b := buf[:min(int64(len(buf)), until-at)]
		if n, err := r.ReadAt(b, at); n < len(b) {
			if errors.Is(err, io.EOF) {
				err = Changed(q.Input, fmt.Errorf("it ends before byte %d", until))
			}
			return job.Page{}, err
		}
		full, err := l.scan(b, at)
		if err != nil {
			return job.Page{}, err
		}
		if full {
			return l.page, nil
		}
		at += int64(len(b))
	}
	if err := l.finish(until == size); err != nil {
		return job.Page{}, err
	}
	return l.page, nil
}

// lister cuts a stream of bytes into chunks.
type lister struct {
	request job.ListRequest
	records int // that a chunk may have
	until   int64
	page    job.Page
	chunk   job.Chunk // the one being cut
	record  int64     // bytes of the record being cut
}

// scan goes through b, which lies at offset at, and says whether the page is full.
func (l *lister) scan(b []byte, at int64) (bool, error) {
	from := 0 // of the chunk within b
	for pos := 0; pos < len(b); {
		n := bytes.IndexByte(b[pos:], '\n')
		if n < 0 {
			l.record += int64(len(b) - pos)
			if l.record > MaxRecord+2 {
				return false, l.tooLong()
			}
			break
		}
		pos += n + 1
		if l.record += int64(n) + 1; l.record > MaxRecord+2 {
			return false, l.tooLong()
		}
		l.record = 0
		l.chunk.Records++
		if l.chunkFull(at + int64(pos) - l.chunk.Offset) {
			l.take(b[from:pos])
			from = pos
			if l.cut(); len(l.page.Chunks) == l.request.Chunks {
				l.page.End = at+int64(pos) == l.until && l.request.Until == 0
				return true, nil
			}
		}
	}
	l.take(b[from:])
	return false, nil
}

// chunkFull says whether the chunk, of the given length, is complete with the record that it just got.
func (l *lister) chunkFull(length int64) bool {
	q := l.request
	if l.chunk.Records >= l.records || length >= q.Bytes {
		return true
	}
	return q.Taper > 1 && l.chunk.Records >= q.MinRecords && length >= (l.until-l.chunk.Offset)/int64(q.Taper)
}

func (l *lister) take(b []byte) {
	l.chunk.Length += int64(len(b))
	l.chunk.Checksum = crc32.Update(l.chunk.Checksum, castagnoli, b)
}

func (l *lister) cut() {
	l.page.Chunks = append(l.page.Chunks, l.chunk)
	l.chunk = job.Chunk{First: l.chunk.End(), Offset: l.chunk.EndOffset()}
	l.records = min(2*l.records, l.request.Records)
}

// finish cuts what is left at the end of the listing's range.
func (l *lister) finish(end bool) error {
	if l.record > 0 {
		if !end {
			return Changed(l.request.Input, fmt.Errorf("no record begins at byte %d, where one did", l.until))
		}
		l.chunk.Records++
	}
	if l.chunk.Records > 0 {
		l.cut()
	}
	l.page.End = end
	return nil
}

func (l *lister) tooLong() error {
	e := unreadable(l.request.Input, fmt.Errorf("record %d, which begins in the chunk at byte %d, is longer than %d MiB",
		l.chunk.First+int64(l.chunk.Records), l.chunk.Offset, MaxRecord>>20)).(*job.Error)
	e.Hint = "a record is held in memory; is this a file of lines?"
	return e
}
