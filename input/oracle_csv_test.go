package input

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
)

// row of the oracle: its fields, or that it breaks a rule.
type oracleRow struct {
	fields []string
	broken bool
}

// oracleRows is how encoding/csv reads rows, on past those that it refuses.
func oracleRows(t tb, content []byte, comma rune) (rows []oracleRow) {
	t.Helper()
	r := csv.NewReader(bytes.NewReader(content))
	r.Comma, r.FieldsPerRecord = comma, -1
	for {
		fields, err := r.Read()
		var broken *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return rows
		case errors.As(err, &broken):
			rows = append(rows, oracleRow{broken: true})
		case err != nil:
			t.Fatalf("the oracle: %v", err)
		default:
			rows = append(rows, oracleRow{fields: fields})
		}
	}
}

// listAndRead lists all of an input in chunks of the given bounds, page by page, and hands each record to see.
func listAndRead(t tb, in *Input, q job.ListRequest, see func(record []byte, number int64, err error)) {
	t.Helper()
	for end := false; !end; {
		p, err := in.List(background, q)
		if err != nil {
			t.Fatalf("list %+v: %v", q, err)
		}
		for _, c := range p.Chunks {
			if c.First != q.Record || c.Offset < q.Offset || c.Records < 1 || c.Length < 1 {
				t.Fatalf("after record %d, byte %d comes %+v", q.Record, q.Offset, c)
			}
			q.Record, q.Offset = c.End(), c.EndOffset()
			readOne(t, in, c, see)
		}
		if end = p.End; !end && len(p.Chunks) != q.Chunks {
			t.Fatalf("a page of %d chunks where %d were asked for, and more to come", len(p.Chunks), q.Chunks)
		}
	}
}

// readOne reads a chunk to its end.
func readOne(t tb, in *Input, c job.Chunk, see func(record []byte, number int64, err error)) {
	t.Helper()
	r, err := in.Reader(c)
	if err != nil {
		t.Fatalf("read %+v: %v", c, err)
	}
	for i := 0; ; i++ {
		record, index, err := r.Next()
		if errors.Is(err, io.EOF) {
			if i != c.Records {
				t.Fatalf("%d records in %+v", i, c)
			}
			return
		}
		var bad *RecordError
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("read %+v: %v", c, err)
		}
		if index != i {
			t.Fatalf("record %d has index %d", i, index)
		}
		see(record, in.layout.Selection.Number(c.First+int64(i)), err)
	}
}

// checkRows lists and reads rows in chunks of the given bounds and compares them with the oracle's.
func checkRows(t tb, content []byte, comma rune, q job.ListRequest) {
	t.Helper()
	format := job.InputCSV
	if comma == '\t' {
		format = job.InputTSV
	}
	want := oracleRows(t, bytes.TrimPrefix(content, byteOrderMark), comma)
	d := &rowDecoder{comma: byte(comma)}
	if err := d.readHeader(format, bytes.NewReader(content)); err != nil {
		if len(want) > 0 && !want[0].broken && goodHeader(want[0].fields) {
			t.Fatalf("header of %q: %v, but the oracle reads %q", content, err, want[0].fields)
		}
		return
	}
	if len(want) == 0 || want[0].broken {
		t.Fatalf("header of %q read, but the oracle reads %+v", content, want)
	}
	header, want := want[0].fields, want[1:]
	n := 0
	in := inMemory(format, job.Selection{}, content)
	in.buffer = 1 + len(content)/3 // so that rows lie over the ends of buffers
	listAndRead(t, in, q, func(record []byte, _ int64, err error) {
		if n == len(want) {
			t.Fatalf("a record too many of %q: %q", content, record)
		}
		w := want[n]
		n++
		good := !w.broken && len(w.fields) == len(header) && !slices.ContainsFunc(w.fields, func(s string) bool { return !utf8.ValidString(s) })
		if (err == nil) != good {
			t.Fatalf("record %d of %q: %v, but the oracle says %+v", n-1, content, err, w)
		}
		if err == nil && !bytes.Equal(record, object(t, header, w.fields)) {
			t.Fatalf("record %d of %q: %s, want %s", n-1, content, record, object(t, header, w.fields))
		}
	})
	if n != len(want) {
		t.Fatalf("%d records of %q, but the oracle reads %d", n, content, len(want))
	}
}

func goodHeader(names []string) bool {
	seen := map[string]bool{}
	for _, n := range names {
		if n == "" || seen[n] || !utf8.ValidString(n) {
			return false
		}
		seen[n] = true
	}
	return true
}

// object is the naive way to make a JSON object.
func object(t tb, names, values []string) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	quote := func(s string) string {
		b.Reset()
		if err := enc.Encode(s); err != nil {
			t.Fatalf("%v", err)
		}
		// encoding/json escapes these for JavaScript's sake, and has short names for two more.
		s = string(bytes.TrimSpace(b.Bytes()))
		for _, r := range [][2]string{{`\u2028`, "\u2028"}, {`\u2029`, "\u2029"}, {`\b`, `\u0008`}, {`\f`, `\u000c`}} {
			s = replaceEscape(s, r[0], r[1])
		}
		return s
	}
	text := "{"
	for i := range names {
		if i > 0 {
			text += ","
		}
		text += quote(names[i]) + ":" + quote(values[i])
	}
	return []byte(text + "}")
}

// replaceEscape replaces an escape in a JSON string, and nothing behind an escaped backslash.
func replaceEscape(s, old, by string) string {
	var out []byte
	for i := 0; i < len(s); {
		switch {
		case len(s)-i >= len(old) && s[i:i+len(old)] == old:
			out = append(out, by...)
			i += len(old)
		case s[i] == '\\':
			out = append(out, s[i], s[i+1])
			i += 2
		default:
			out = append(out, s[i])
			i++
		}
	}
	return string(out)
}

// TestRowsAreThoseOfEncodingCSV draws rows of the bytes that matter.
func TestRowsAreThoseOfEncodingCSV(t *testing.T) {
	piece := rapid.SampledFrom([]string{`"`, `""`, ",", "\t", "\n", "\r\n", "\r", "a", `"a"`, "\"a\nb\"", "é", "\xff", "\x00", " ", "\\", "\u2028", "\b"})
	rapid.Check(t, func(t *rapid.T) {
		comma := rapid.SampledFrom([]rune{',', '\t'}).Draw(t, "comma")
		header := rapid.SampledFrom([]string{"x\n", "x" + string(comma) + "y\n", "\xef\xbb\xbfx\r\n", "\n\"x\ny\"\n", ""}).Draw(t, "header")
		content := []byte(header)
		for _, p := range rapid.SliceOfN(piece, 0, 60).Draw(t, "pieces") {
			content = append(content, p...)
		}
		checkRows(t, content, comma, request.Draw(t, "request"))
	})
}

// FuzzRows compares with encoding/csv for any content.
func FuzzRows(f *testing.F) {
	f.Add([]byte("id,name\n1,a\n2,\"b\nc\"\n\n3\n4,\"d\"\"e\"\r\n"), false, uint16(2), uint16(9))
	f.Add([]byte("id\tname\r\n1\ta\r\n\"2"), true, uint16(1), uint16(1))
	f.Add([]byte("a\n\"x\"\r,,\"y\n1\n\"x\"\r"), false, uint16(0), uint16(0))
	f.Add([]byte("\xef\xbb\xbfa\n\"x\"y\n\r\r\n\r"), false, uint16(3), uint16(100))
	f.Fuzz(func(t *testing.T, content []byte, tabs bool, records, length uint16) {
		comma := ','
		if tabs {
			comma = '\t'
		}
		checkRows(t, content, comma, job.ListRequest{Chunks: 2, Records: int(records) + 1, Bytes: int64(length) + 1})
	})
}

// FuzzJSONLines compares with the naive way for any content.
func FuzzJSONLines(f *testing.F) {
	f.Add([]byte("{\"a\":1}\n[1, 2]\r\n\nnull\n{\"a\":}\n\"\xff\"\n5"), uint16(2), uint16(9))
	f.Add([]byte("\xef\xbb\xbf1\n2"), uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, content []byte, recordBound, length uint16) {
		want := records(bytes.TrimPrefix(content, byteOrderMark))
		n := 0
		q := job.ListRequest{Chunks: 2, Records: int(recordBound) + 1, Bytes: int64(length) + 1}
		listAndRead(t, inMemory(job.InputJSONL, job.Selection{}, content), q, func(record []byte, _ int64, err error) {
			if n == len(want) || !bytes.Equal(record, want[n]) {
				t.Fatalf("record %d of %q: %q", n, content, record)
			}
			if good := json.Valid(record) && utf8.Valid(record); (err == nil) != good {
				t.Fatalf("record %d of %q: %v", n, content, err)
			}
			n++
		})
		if n != len(want) {
			t.Fatalf("%d records of %q, want %d", n, content, len(want))
		}
	})
}
