package input

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
)

func list(content []byte, q job.ListRequest) (job.Page, error) {
	return linesIn("in", bytes.NewReader(content), int64(len(content))).List(context.Background(), q)
}

// TestListCuts holds by hand what the property in roundtrip_test.go holds against another program.
func TestListCuts(t *testing.T) {
	request := func(change func(*job.ListRequest)) job.ListRequest {
		q := whole()
		change(&q)
		return q
	}
	const ten = "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"
	for name, c := range map[string]struct {
		content string
		request job.ListRequest
		records []int // of each chunk
		end     bool
	}{
		"an empty input":             {"", whole(), nil, true},
		"a newline":                  {"\n", whole(), []int{1}, true},
		"three empty records":        {"\n\r\n\n", whole(), []int{3}, true},
		"no newline at the end":      {"a\nb", whole(), []int{2}, true},
		"by records":                 {ten, request(func(q *job.ListRequest) { q.Records = 4 }), []int{4, 4, 2}, true},
		"by bytes":                   {ten, request(func(q *job.ListRequest) { q.Bytes = 6 }), []int{3, 3, 3, 1}, true},
		"with the record that fills": {ten, request(func(q *job.ListRequest) { q.Bytes = 5 }), []int{3, 3, 3, 1}, true},
		"a record above the bytes":   {ten, request(func(q *job.ListRequest) { q.Bytes = 1 }), slices.Repeat([]int{1}, 10), true},
		"a page of two":              {ten, request(func(q *job.ListRequest) { q.Records, q.Chunks = 3, 2 }), []int{3, 3}, false},
		"a page that just ends":      {ten, request(func(q *job.ListRequest) { q.Records, q.Chunks = 5, 2 }), []int{5, 5}, true},
		"from the middle":            {ten, request(func(q *job.ListRequest) { q.Record, q.Offset = 7, 14 }), []int{3}, true},
		"from the end":               {ten, request(func(q *job.ListRequest) { q.Record, q.Offset = 10, 20 }), nil, true},
		"until the middle":           {ten, request(func(q *job.ListRequest) { q.Until = 8 }), []int{4}, false},
		"until the end":              {ten, request(func(q *job.ListRequest) { q.Until = 20 }), []int{10}, true},
		"until beyond the end":       {ten, request(func(q *job.ListRequest) { q.Until = 100 }), []int{10}, true},
		"a page full before until":   {ten, request(func(q *job.ListRequest) { q.Until, q.Records, q.Chunks = 15, 1, 2 }), []int{1, 1}, false},
		"a page full at until":       {ten, request(func(q *job.ListRequest) { q.Until, q.Records, q.Chunks = 4, 1, 2 }), []int{1, 1}, false},
		"started small":              {ten, request(func(q *job.ListRequest) { q.Records, q.StartRecords = 3, 1 }), []int{1, 2, 3, 3, 1}, true},
		"started larger than full":   {ten, request(func(q *job.ListRequest) { q.Records, q.StartRecords = 6, 7 }), []int{6, 4}, true},
		"tapered":                    {ten, request(func(q *job.ListRequest) { q.Taper = 2 }), []int{5, 3, 1, 1}, true},
		"tapered to a floor":         {ten, request(func(q *job.ListRequest) { q.Taper, q.MinRecords = 2, 4 }), []int{5, 4, 1}, true},
		"tapered by one is not":      {ten, request(func(q *job.ListRequest) { q.Taper = 1 }), []int{10}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := list([]byte(c.content), c.request)
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			for _, c := range p.Chunks {
				got = append(got, c.Records)
			}
			if !slices.Equal(got, c.records) || p.End != c.end {
				t.Errorf("got %v, end %t; want %v, %t", got, p.End, c.records, c.end)
			}
			if p.Chunks == nil {
				t.Error("chunks are null in JSON, not empty")
			}
		})
	}
}

func TestListTellsPlaceAndChecksum(t *testing.T) {
	q := whole()
	q.Record, q.Offset = 100, 2
	p, err := list([]byte("x\n123456789"), q)
	if err != nil {
		t.Fatal(err)
	}
	// The checksum is the check value of CRC-32C (Koopman; RFC 3720 calls it CRC32C).
	want := []job.Chunk{{First: 100, Records: 1, Offset: 2, Length: 9, Checksum: 0xe3069283}}
	if !slices.Equal(p.Chunks, want) {
		t.Errorf("got %+v, want %+v", p.Chunks, want)
	}
}

func TestListFindsAnInputThatGotShorter(t *testing.T) {
	path := file(t, strings.Repeat("record\n", 1000))
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, 700); err != nil {
		t.Fatal(err)
	}
	_, err = linesIn(path, f, 7000).List(context.Background(), whole())
	if job.KindOf(err) != job.InputChanged || !strings.Contains(err.Error(), "it ends before byte 7000") || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestUntilWhereNoRecordBeginsSaysSo(t *testing.T) {
	q := whole()
	q.Until = 4
	_, err := list([]byte("ab\ncd\n"), q)
	if job.KindOf(err) != job.InputChanged || !strings.Contains(err.Error(), "no record begins at byte 4, where one did") {
		t.Errorf("got %v", err)
	}
}

func TestListEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := linesIn("in", strings.NewReader("a\n"), 2).List(ctx, whole()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// readerAt reads as its function does.
type readerAt func([]byte, int64) (int, error)

func (f readerAt) ReadAt(b []byte, at int64) (int, error) { return f(b, at) }

func TestListPassesAReadErrorOn(t *testing.T) {
	broken := errors.New("broken disk")
	_, err := linesIn("in", readerAt(func([]byte, int64) (int, error) { return 0, broken }), 10).List(context.Background(), whole())
	if !errors.Is(err, broken) || job.KindOf(err) == job.InputChanged {
		t.Errorf("got %v", err)
	}
}

// TestListAcceptsTheEndWithTheLastBytes: an io.ReaderAt may say io.EOF with its last bytes.
func TestListAcceptsTheEndWithTheLastBytes(t *testing.T) {
	r := readerAt(func(b []byte, at int64) (int, error) { return copy(b, "a\nb\n"[at:]), io.EOF })
	p, err := linesIn("in", r, 4).List(context.Background(), whole())
	if err != nil || len(p.Chunks) != 1 || p.Chunks[0].Records != 2 {
		t.Errorf("got %+v, %v", p, err)
	}
}
