package input

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"testing"

	"github.com/longhaul/longhaul/job"
)

// benchLines is 100,000 lines of numbers.
func benchLines() []byte {
	var b []byte
	for i := range 100_000 {
		b = append(strconv.AppendInt(b, int64(i), 10), '\n')
	}
	return b
}

func BenchmarkList(b *testing.B) {
	content := benchLines()
	q := job.ListRequest{Input: "in", Chunks: 256, Records: 1_000, Bytes: 32 << 20}
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		p, err := List(b.Context(), bytes.NewReader(content), int64(len(content)), q)
		if err != nil || len(p.Chunks) != 100 {
			b.Fatalf("%d chunks, %v", len(p.Chunks), err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	content := benchLines()
	q := job.ListRequest{Input: "in", Chunks: 1, Records: 100_000, Bytes: 32 << 20}
	p, err := List(b.Context(), bytes.NewReader(content), int64(len(content)), q)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		r := NewReader(bytes.NewReader(content), p.Chunks[0])
		for err = nil; err == nil; {
			_, _, err = r.Next()
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
	}
}
