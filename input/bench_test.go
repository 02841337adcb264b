package input

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/longhaul/longhaul/job"
)

// manyRows is 4 MiB of lines of some 40 bytes, each of which is a record in any format.
func manyRows(format string) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 4<<20; i++ {
		fmt.Fprintf(&b, format, i)
	}
	return b.Bytes()
}

var benchmarked = map[job.InputFormat]string{
	job.InputLines: "https://api.example.com/users/%09d\n",
	job.InputCSV:   "https://api.example.com/users/,%09[1]d,\"%[1]d\"\n",
	job.InputJSONL: `{"user":"https://api.example.com/%09d"}` + "\n",
}

func BenchmarkList(b *testing.B) {
	for format, text := range benchmarked {
		b.Run(string(format), func(b *testing.B) {
			content := manyRows(text)
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			q := whole()
			q.Records = 10_000
			q.Chunks = 1 << 20
			for b.Loop() {
				if _, err := inMemory(format, job.Selection{}, content).List(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for format, text := range benchmarked {
		b.Run(string(format), func(b *testing.B) {
			content := manyRows(text)
			in := inMemory(format, job.Selection{}, content)
			p, err := in.List(b.Context(), whole())
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := in.Reader(p.Chunks[0])
				for err == nil {
					_, _, err = r.Next()
				}
				if !errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
			}
		})
	}
}
