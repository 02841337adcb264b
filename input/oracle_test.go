package input

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/longhaul/longhaul/job"
)

// tb is what *testing.T and *rapid.T share here.
type tb interface {
	Helper()
	Fatalf(string, ...any)
}

// lines is the naive way to cut content into lines with their ends.
func lines(content []byte) [][]byte {
	all := bytes.SplitAfter(content, []byte{'\n'})
	return all[:len(all)-btoi(len(all[len(all)-1]) == 0)]
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// records is the naive way to tell a content's records.
func records(content []byte) [][]byte {
	var rs [][]byte
	for _, l := range lines(content) {
		switch {
		case bytes.HasSuffix(l, []byte("\r\n")):
			l = l[:len(l)-2]
		case bytes.HasSuffix(l, []byte("\n")):
			l = l[:len(l)-1]
		}
		rs = append(rs, l)
	}
	return rs
}

// chunks is the naive way to cut content, up to byte until, into chunks from record first on: a chunk ends with the record that reaches one of its bounds.
func chunks(content []byte, until int64, q job.ListRequest) []job.Chunk {
	cs := []job.Chunk{}
	c := job.Chunk{First: q.Record, Offset: q.Offset}
	cut := func() {
		c.Checksum = crc32.Checksum(content[c.Offset:c.EndOffset()], crc32.MakeTable(crc32.Castagnoli))
		cs = append(cs, c)
		c = job.Chunk{First: c.End(), Offset: c.EndOffset()}
	}
	bound := q.Records
	if q.StartRecords > 0 {
		bound = min(q.StartRecords, q.Records)
	}
	for _, l := range lines(content[q.Offset:until]) {
		c.Records++
		c.Length += int64(len(l))
		tapered := q.Taper > 1 && c.Records >= q.MinRecords && c.Length >= (until-c.Offset)/int64(q.Taper)
		if c.Records >= bound || c.Length >= q.Bytes || tapered {
			if cut(); len(cs) == q.Chunks {
				return cs
			}
			bound = min(2*bound, q.Records)
		}
	}
	if c.Records > 0 {
		cut()
	}
	return cs
}

// listPage lists and compares with the oracle.
func listPage(t tb, content []byte, q job.ListRequest) job.Page {
	t.Helper()
	p, err := list(content, q)
	if err != nil {
		t.Fatalf("list %+v: %v", q, err)
	}
	until := int64(len(content))
	if q.Until > 0 {
		until = min(until, q.Until)
	}
	if want := chunks(content, until, q); !slices.Equal(p.Chunks, want) {
		t.Fatalf("request %+v: got\n%+v\nwant\n%+v", q, p.Chunks, want)
	}
	return p
}

// inMemory is an input of files that are not on disk, named in, in2, in3 and so on.
func inMemory(f job.InputFormat, s job.Selection, files ...[]byte) *Input {
	in := &Input{layout: Layout{Format: f, Selection: s}, buffer: listBuffer, opened: -1}
	for i, content := range files {
		name := "in"
		if i > 0 {
			name += strconv.Itoa(i + 1)
		}
		in.addReader(name, bytes.NewReader(content), int64(len(content)))
	}
	return in
}

// addReader adds a file that is open already.
func (in *Input) addReader(name string, r io.ReaderAt, size int64) {
	in.add(part{path: name, size: size, open: func() (io.ReaderAt, error) { return r, nil }})
}

// linesIn is an input of lines in one file that is open already.
func linesIn(name string, r io.ReaderAt, size int64) *Input {
	in := inMemory(job.InputLines, job.Selection{})
	in.addReader(name, struct{ io.ReaderAt }{r}, size) // which Close leaves open
	return in
}

// readChunk reads a chunk of lines to its end.
func readChunk(r io.ReaderAt, c job.Chunk) (rs [][]byte, err error) {
	rd, err := linesIn("in", r, c.EndOffset()).Reader(c)
	if err != nil {
		return nil, err
	}
	for {
		rec, index, err := rd.Next()
		if errors.Is(err, io.EOF) {
			return rs, nil
		}
		if err != nil {
			return rs, err
		}
		if index != len(rs) {
			return rs, fmt.Errorf("record %d has index %d", len(rs), index)
		}
		rs = append(rs, bytes.Clone(rec))
	}
}

// readAll reads consecutive chunks of content and compares the records with the oracle's.
func readAll(t tb, content []byte, cs []job.Chunk) {
	t.Helper()
	var got [][]byte
	for _, c := range cs {
		rs, err := readChunk(bytes.NewReader(content), c)
		if err != nil {
			t.Fatalf("read %+v: %v", c, err)
		}
		got = append(got, rs...)
	}
	if want := records(content); !slices.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("got %d records, want %d, of %.1000q", len(got), len(want), content)
	}
}

// whole is a request for all of an input in one chunk.
func whole() job.ListRequest {
	return job.ListRequest{Chunks: 10, Records: 1 << 30, Bytes: 1 << 60}
}

// file writes an input.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var background = context.Background()
