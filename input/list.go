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

// List finds the boundaries of the next chunks as the request asks. It reads each byte once and holds listBuffer of them. A record of more than MaxRecord
// bytes, and 2 for its end, is an error.
func (in *Input) List(ctx context.Context, q job.ListRequest) (job.Page, error) {
	l := newLister(in, q)
	for i := in.at(q.Offset); i < len(in.parts) && in.parts[i].start < l.until && !l.done(); i++ {
		if err := l.list(ctx, i); err != nil {
			return job.Page{}, err
		}
	}
	if !l.full {
		l.page.End = l.limited() || l.until == in.size
	}
	return l.page, nil
}

// lister cuts a stream of bytes into chunks.
type lister struct {
	in        *Input
	request   job.ListRequest
	selection job.Selection
	all       bool // a chunk's bytes are those of its records and nothing between them
	records   int  // that a chunk may have
	bound     int  // and that this one may have, since the selection has a limit
	until     int64
	page      job.Page
	full      bool // the page is

	part   part
	split  splitter
	chunk  job.Chunk // the one being cut, up to the last record taken
	sum    uint32    // of the bytes from the chunk's beginning on
	length int64     // of those bytes
	header bool      // the next record is the header
	pass   int64     // records to leave out before the next is taken
	number int64     // of the record being cut, in the input
	record int64     // bytes of the record being cut
	buf    []byte
}

func newLister(in *Input, q job.ListRequest) *lister {
	s := in.layout.Selection
	l := &lister{
		in: in, request: q, selection: s, all: s.All() && !in.layout.Format.Header(), records: q.Records, until: in.size,
		page: job.Page{Chunks: []job.Chunk{}}, chunk: job.Chunk{First: q.Record}, number: s.Number(q.Record),
	}
	if q.Until > 0 {
		l.until = min(in.size, q.Until)
	}
	if q.StartRecords > 0 {
		l.records = min(q.StartRecords, q.Records)
	}
	if !q.AtRecord {
		l.number = s.Next(q.Record)
		l.pass = s.Number(q.Record) - l.number
	}
	l.setBound()
	l.buf = make([]byte, min(int64(in.buffer), max(0, l.until-q.Offset)))
	return l
}

// done says whether no more is to be listed.
func (l *lister) done() bool { return l.full || l.limited() }

// limited says whether the limit of the selection is reached.
func (l *lister) limited() bool {
	return l.selection.Limit > 0 && l.request.Until == 0 && l.chunk.End() >= l.selection.Limit
}

// list goes through a part, from the request's offset or from its beginning on.
func (l *lister) list(ctx context.Context, i int) error {
	r, err := l.in.file(i)
	if err != nil {
		return err
	}
	l.part = l.in.parts[i]
	l.split, l.record = newSplitter(l.in.layout.Format), 0
	at, until := max(l.request.Offset, l.part.start), min(l.until, l.part.end())
	if at == l.part.start && l.in.layout.Format.JSON() {
		n, err := bom(r)
		if err != nil {
			return l.changed(err, until)
		}
		l.header = l.in.layout.Format.Header()
		at += n
	}
	l.begin(at)
	for at < until && !l.done() {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := l.buf[:min(int64(len(l.buf)), until-at)]
		if n, err := r.ReadAt(b, at-l.part.start); n < len(b) {
			return l.changed(err, until)
		}
		if err := l.scan(b, at); err != nil {
			return err
		}
		at += int64(len(b))
	}
	if l.done() {
		return nil
	}
	return l.finish(until)
}

// changed is the error of a part that ends too early, or another error of reading it.
func (l *lister) changed(err error, until int64) error {
	if errors.Is(err, io.EOF) {
		return Changed(l.part.path, fmt.Errorf("it ends before byte %d", until-l.part.start))
	}
	return err
}

// scan goes through b, which lies at offset at.
func (l *lister) scan(b []byte, at int64) error {
	from := 0 // of what is not in sum yet
	plain := l.split.comma == 0
	for pos := 0; pos < len(b); {
		var n int
		var ended bool
		if plain { // as next does it, without a call
			n, ended = bytes.IndexByte(b[pos:], l.split.delimiter)+1, true
			if n == 0 {
				n, ended = len(b)-pos, false
			}
		} else {
			n, ended = l.split.row(b[pos:])
		}
		pos += n
		if l.record += int64(n); l.record > MaxRecord+2 {
			return l.tooLong(at + int64(pos))
		}
		if !ended {
			break
		}
		l.record = 0
		if l.all && l.pass == 0 {
			l.number++
		} else if l.passOver() {
			if l.chunk.Records == 0 {
				from = pos
				l.begin(at + int64(pos))
			}
			continue
		}
		l.chunk.Records++
		end := at + int64(pos)
		full := l.chunkFull(end - l.chunk.Offset)
		if full || !l.all {
			l.take(b[from:pos])
			from = pos
			l.taken()
		}
		if full {
			if l.cut(); len(l.page.Chunks) == l.request.Chunks || l.limited() {
				l.full = true
				l.page.End = l.limited() || end == l.until && l.request.Until == 0
				return nil
			}
		}
	}
	l.take(b[from:])
	return nil
}

// passOver says whether the record that has just ended is not taken, and counts it.
func (l *lister) passOver() bool {
	if l.header {
		l.header = false
		return true
	}
	l.number++
	if l.pass > 0 {
		l.pass--
		return true
	}
	if !l.selection.All() {
		i := l.chunk.End()
		l.pass = l.selection.Number(i+1) - l.selection.Number(i) - 1
	}
	return false
}

// chunkFull says whether the chunk, of the given length, is complete with the record that it just got.
func (l *lister) chunkFull(length int64) bool {
	q := l.request
	if l.chunk.Records >= l.bound || length >= q.Bytes {
		return true
	}
	return q.Taper > 1 && l.chunk.Records >= q.MinRecords && length >= (l.until-l.chunk.Offset)/int64(q.Taper)
}

// begin has the chunk, which has no record yet, begin at an offset.
func (l *lister) begin(offset int64) { l.chunk.Offset, l.sum, l.length = offset, 0, 0 }

func (l *lister) take(b []byte) {
	l.length += int64(len(b))
	l.sum = crc32.Update(l.sum, castagnoli, b)
}

// taken has the chunk end with the bytes so far.
func (l *lister) taken() { l.chunk.Length, l.chunk.Checksum = l.length, l.sum }

func (l *lister) cut() {
	l.page.Chunks = append(l.page.Chunks, l.chunk)
	l.chunk = job.Chunk{First: l.chunk.End(), Offset: l.chunk.EndOffset()}
	l.sum, l.length = 0, 0
	l.records = min(2*l.records, l.request.Records)
	l.setBound()
}

func (l *lister) setBound() {
	l.bound = l.records
	if limit := l.selection.Limit; limit > 0 {
		l.bound = int(min(int64(l.records), max(0, limit-l.chunk.First)))
	}
}

// finish cuts what is left at the end of a part, or of the listing's range within it.
func (l *lister) finish(until int64) error {
	pending := l.record > 0
	if l.split.comma != 0 {
		pending = l.split.pending()
	}
	if pending {
		if until < l.part.end() {
			return Changed(l.part.path, fmt.Errorf("no record begins at byte %d, where one did", until-l.part.start))
		}
		if !l.passOver() {
			l.chunk.Records++
			l.taken()
		}
	}
	if l.chunk.Records == 0 {
		return nil
	}
	if l.all {
		l.taken()
	}
	l.cut()
	l.full = len(l.page.Chunks) == l.request.Chunks
	if l.full {
		l.page.End = l.limited() || until == l.in.size
	}
	return nil
}

// tooLong is the error of a record that is, up to the byte at offset end, too long.
func (l *lister) tooLong(end int64) error {
	return unreadable(l.part.path, fmt.Errorf("record %d, which begins at byte %d, is longer than %d MiB", l.number, end-l.record-l.part.start, MaxRecord>>20),
		"a record is held in memory; is the input format right?")
}
