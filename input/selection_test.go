package input

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
)

// taken is a record and its number in the input.
type taken struct {
	number int64
	record string
}

// selection draws which records are taken.
var selection = rapid.Custom(func(t *rapid.T) job.Selection {
	return job.Selection{
		Skip:   rapid.SampledFrom([]int64{0, 0, 1, 5, 40}).Draw(t, "skip"),
		Limit:  rapid.SampledFrom([]int64{0, 0, 1, 7}).Draw(t, "limit"),
		Sample: rapid.SampledFrom([]float64{0, 0, 1, 0.9, 0.5, 0.3, 0.01}).Draw(t, "sample"),
		Seed:   rapid.Uint64Max(3).Draw(t, "seed"),
	}
})

// several draws an input of some files, small ones and empty ones, and the naive way to read it.
func several(t *rapid.T, s job.Selection) (in *Input, want []taken) {
	format := rapid.SampledFrom([]job.InputFormat{job.InputLines, job.InputNUL, job.InputCSV, job.InputJSONL}).Draw(t, "format")
	var files [][]byte
	var number int64
	for range rapid.IntRange(0, 4).Draw(t, "files") {
		n := rapid.IntRange(0, 12).Draw(t, "records")
		end := "\n"
		var b bytes.Buffer
		switch format {
		case job.InputNUL:
			end = "\x00"
		case job.InputCSV:
			b.WriteString(rapid.SampledFrom([]string{"n\n", "\xef\xbb\xbfn\r\n", "\"n\"\n\n"}).Draw(t, "header"))
		case job.InputJSONL:
			b.WriteString(rapid.SampledFrom([]string{"", "\xef\xbb\xbf"}).Draw(t, "mark"))
		}
		for range n {
			if format == job.InputCSV {
				b.WriteString(rapid.SampledFrom([]string{"", "\n", "\r\n\n"}).Draw(t, "empty lines"))
				fmt.Fprintf(&b, "\"%d\"%s", number, end)
			} else {
				fmt.Fprintf(&b, "%d%s", number, end)
			}
			number++
		}
		content := b.Bytes()
		if n > 0 && rapid.Bool().Draw(t, "without an end") {
			content = bytes.TrimSuffix(content, []byte(end))
		}
		files = append(files, content)
	}
	for i := int64(0); s.Limit == 0 || i < s.Limit; i++ {
		n := s.Number(i)
		if n >= number {
			break
		}
		record := fmt.Sprint(n)
		if format == job.InputCSV {
			record = fmt.Sprintf(`{"n":"%d"}`, n)
		}
		want = append(want, taken{n, record})
	}
	in = inMemory(format, s, files...)
	in.buffer = rapid.IntRange(1, 30).Draw(t, "buffer")
	return in, want
}

// TestEachRecordTakenIsReadOnce lists several files page by page, each page by bounds of its own, and at times again from where a chunk begins, as
// the workflow does when the size of the chunks no longer fits.
func TestEachRecordTakenIsReadOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, want := several(t, selection.Draw(t, "selection"))
		var got []taken
		var q job.ListRequest
		for end := false; !end; {
			bounds := request.Draw(t, "request")
			bounds.Record, bounds.Offset, bounds.AtRecord = q.Record, q.Offset, q.AtRecord
			p, err := in.List(background, bounds)
			if err != nil {
				t.Fatalf("list %+v: %v", bounds, err)
			}
			if end = p.End; !end && len(p.Chunks) == 0 {
				t.Fatalf("%+v lists nothing", bounds)
			}
			keep := len(p.Chunks)
			if keep > 0 && rapid.Bool().Draw(t, "drop some") {
				keep = rapid.IntRange(0, keep-1).Draw(t, "keep")
				q = job.ListRequest{Record: p.Chunks[keep].First, Offset: p.Chunks[keep].Offset, AtRecord: true}
				end = false
			} else if keep > 0 {
				last := p.Chunks[keep-1]
				q = job.ListRequest{Record: last.End(), Offset: last.EndOffset()}
			}
			for _, c := range p.Chunks[:keep] {
				if c.First != int64(len(got)) {
					t.Fatalf("after %d records comes %+v", len(got), c)
				}
				readOne(t, in, c, func(record []byte, number int64, err error) {
					if err != nil {
						t.Fatalf("%v", err)
					}
					got = append(got, taken{number, string(record)})
				})
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// TestAListingStopsWhereALeftoverBegins lists up to the beginning of each chunk of another listing.
func TestAListingStopsWhereALeftoverBegins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, _ := several(t, selection.Draw(t, "selection"))
		q := whole()
		q.Records, q.Chunks = rapid.IntRange(1, 5).Draw(t, "records"), 1000
		all, err := in.List(background, q)
		if err != nil || !all.End {
			t.Fatalf("%+v, %v", all, err)
		}
		for i, c := range all.Chunks[min(1, len(all.Chunks)):] {
			q := q
			q.Until = c.Offset
			q.Records = rapid.IntRange(1, 5).Draw(t, "records")
			p, err := in.List(background, q)
			if err != nil || len(p.Chunks) == 0 || p.Chunks[len(p.Chunks)-1].End() != c.First {
				t.Fatalf("up to chunk %d at record %d: %+v, %v", i+1, c.First, p, err)
			}
		}
	})
}

// TestNoChunkSpansFiles, nor do records.
func TestNoChunkSpansFiles(t *testing.T) {
	in := inMemory(job.InputLines, job.Selection{}, []byte("a\nb"), nil, []byte("c\n"), []byte("\nd\n"))
	p, err := in.List(background, whole())
	if err != nil || !p.End {
		t.Fatal(err)
	}
	var got []string
	for _, c := range p.Chunks {
		text := ""
		readOne(t, in, c, func(record []byte, _ int64, _ error) { text += string(record) + ";" })
		got = append(got, text)
	}
	if want := []string{"a;b;", "c;", ";d;"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
