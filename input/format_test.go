package input

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
)

// TestFormats holds by hand what the fuzz tests hold against other programs. A record that breaks a rule is its text after "!".
func TestFormats(t *testing.T) {
	for name, c := range map[string]struct {
		format  job.InputFormat
		content string
		want    []string
	}{
		"NUL":                      {job.InputNUL, "a\x00b\nc\r\n\x00\x00d", []string{"a", "b\nc\r\n", "", "d"}},
		"NUL at the end":           {job.InputNUL, "a\x00", []string{"a"}},
		"NUL, nothing":             {job.InputNUL, "", nil},
		"rows":                     {job.InputCSV, "id,name\n1,a\n2,b\n", []string{`{"id":"1","name":"a"}`, `{"id":"2","name":"b"}`}},
		"rows with tabs":           {job.InputTSV, "id\tname\r\n1\ta,b\r\n", []string{`{"id":"1","name":"a,b"}`}},
		"header only":              {job.InputCSV, "id,name\n", nil},
		"header without an end":    {job.InputCSV, "id,name", nil},
		"the last without an end":  {job.InputCSV, "id\n1", []string{`{"id":"1"}`}},
		"quoted":                   {job.InputCSV, "id\n\"a,\"\"b\"\"\nc\"\n", []string{`{"id":"a,\"b\"\nc"}`}},
		"quoted CRLF becomes LF":   {job.InputCSV, "id\n\"a\r\nb\"\r\n", []string{`{"id":"a\nb"}`}},
		"a quoted name":            {job.InputCSV, "\"the\nid\"\n1\n", []string{`{"the\nid":"1"}`}},
		"a name with a quote":      {job.InputCSV, "\"a\"\"b\"\n1\n", []string{`{"a\"b":"1"}`}},
		"empty lines are none":     {job.InputCSV, "\n\r\nid\n\n1\n\r\n\n", []string{`{"id":"1"}`}},
		"an empty value":           {job.InputCSV, "a,b\n,\n\"\",\n", []string{`{"a":"","b":""}`, `{"a":"","b":""}`}},
		"a mark of the byte order": {job.InputCSV, "\xef\xbb\xbf\"id\"\n1\n", []string{`{"id":"1"}`}},
		"spaces count":             {job.InputCSV, "a, b\n 1 ,2\n", []string{`{"a":" 1 "," b":"2"}`}},
		"too few fields":           {job.InputCSV, "a,b\n1\n1,2\n", []string{"!1 field, where the header has 2", `{"a":"1","b":"2"}`}},
		"too many fields":          {job.InputCSV, "a,b\n1,2,\n", []string{"!3 fields, where the header has 2"}},
		"a bare quote":             {job.InputCSV, "a,b\n1,x\"y\n3,4\n", []string{"!column 2: a quote (\") in a field that does not begin with one", `{"a":"3","b":"4"}`}},
		"text behind a quote":      {job.InputCSV, "a\n\"x\"y\n1\n", []string{"!column 1: a quoted field is followed by something else than a separator", `{"a":"1"}`}},
		"a CR behind a quote": {
			job.InputCSV, "a\n\"x\"\r,,\"y\n1\n\"x\"\r\n\"x\"\r\r\n",
			[]string{"!column 1: a quoted field is followed by something else than a separator", `{"a":"1"}`, `{"a":"x"}`, "!column 1: a quoted field is followed by something else than a separator"},
		},
		"a quote without an end":          {job.InputCSV, "a\n1\n\"x\ny\n", []string{`{"a":"1"}`, "!column 1: a quoted field has no end"}},
		"not UTF-8":                       {job.InputCSV, "a,b\n1,\xff\n", []string{"!column 2: not UTF-8, as a JSON string must be"}},
		"control characters":              {job.InputCSV, "a\n\"\x00\x1f\t\\\"\n", []string{`{"a":"\u0000\u001f\t\\"}`}},
		"JSON lines as they are":          {job.InputJSONL, "{\"a\" : 1}\r\n[ ]\n \"x\" \nnull\n12", []string{`{"a" : 1}`, `[ ]`, ` "x" `, `null`, `12`}},
		"JSON after a mark":               {job.InputJSONL, "\xef\xbb\xbf{}\n", []string{`{}`}},
		"a line that is not JSON":         {job.InputJSONL, "{\"a\":}\n1\n", []string{"!not a JSON value: byte 6 of the line: invalid character '}' looking for beginning of value", "1"}},
		"a line that ends too early":      {job.InputJSONL, "{\"a\":1\n", []string{"!not a JSON value: byte 6 of the line: unexpected end of JSON input"}},
		"two values in a line":            {job.InputJSONL, "1 2\n", []string{"!not a JSON value: byte 3 of the line: invalid character '2' after top-level value"}},
		"an empty line":                   {job.InputJSONL, "1\n \n2\n", []string{"1", "!an empty line is not a JSON value", "2"}},
		"JSON that is not UTF-8":          {job.InputJSONL, "\"\xff\"\n", []string{"!not UTF-8, as JSON must be"}},
		"a mark in the middle is no mark": {job.InputLines, "a\n\xef\xbb\xbfb\n", []string{"a", "\xef\xbb\xbfb"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, buffer := range []int{1, 3, listBuffer} {
				for _, bound := range []int{1, 1000} {
					in := inMemory(c.format, job.Selection{}, []byte(c.content))
					in.buffer = buffer
					q := whole()
					q.Records, q.Chunks = bound, 100
					var got []string
					listAndRead(t, in, q, func(record []byte, _ int64, err error) {
						if err != nil {
							record = []byte("!" + errors.Unwrap(err).Error())
						}
						got = append(got, string(record))
					})
					if !slices.Equal(got, c.want) {
						t.Errorf("got %q, want %q", got, c.want)
					}
				}
			}
		})
	}
}

// TestARecordErrorSaysWhere names the second file's record by its number in the whole input and its place in the file.
func TestARecordErrorSaysWhere(t *testing.T) {
	in := inMemory(job.InputCSV, job.Selection{Skip: 1}, []byte("a\n1\n2\n3\n"), []byte("a\n\n4\n\n\"5\n5\"x\n"))
	var got []string
	listAndRead(t, in, whole(), func(record []byte, _ int64, err error) {
		if err != nil {
			got = append(got, string(record), err.Error())
		}
	})
	want := []string{"\"5\n5\"x", "in2: record 4, which begins at byte 6: column 1: a quoted field is followed by something else than a separator"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHeadersAreCheckedBeforeTheJob(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"none":              {"", "it has no header, whose names a record's fields get"},
		"only empty lines":  {"\n\r\n", "it has no header"},
		"a name missing":    {"a,,c\n", "the header: column 2 has no name"},
		"a comma too many":  {"a,b,\n", "the header: column 3 has no name"},
		"a name twice":      {"a,b,\"a\"\n", `the header: columns 1 and 3 are both named "a"`},
		"a bare quote":      {"a\"b\n", `the header: column 1: a quote (") in a field`},
		"no end of a quote": {"\"a\n1\n", "the header: column 1: a quoted field has no end"},
		"not UTF-8":         {"a,\xff\n", "the header: column 2: not UTF-8"},
		"too long":          {strings.Repeat("a,", maxHeader/2) + "b\n", "the header is longer than 1024 KiB"},
		"in a gzip file":    {gzipped("a,a\n"), "the header: columns 1 and 2 are both named"},
		"a cut gzip file":   {gzipped("a,b\n")[:5], "unpack gzip: the data ends too early"},
	} {
		t.Run(name, func(t *testing.T) {
			l := compressed(t, job.InputCSV, "fine\n", c.content)
			err := Check(l)
			if job.KindOf(err) != job.InputUnreadable || !strings.Contains(err.Error(), l.Files[1].Path+": "+c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			l.Format = job.InputLines
			if err := Check(l); err != nil {
				t.Errorf("as lines: %v", err)
			}
		})
	}
}

// TestALongRowIsBounded finds one that never ends, as after a quote too many.
func TestALongRowIsBounded(t *testing.T) {
	f, size := sparse(t, map[int64]string{0: "a\n1\n\"", MaxRecord + 10: "\n"})
	in := inMemory(job.InputCSV, job.Selection{})
	in.addReader("in", struct{ readerAt }{f.ReadAt}, size)
	_, err := in.List(background, whole())
	if job.KindOf(err) != job.InputUnreadable || !strings.Contains(err.Error(), "record 1, which begins at byte 4, is longer than 64 MiB") {
		t.Errorf("got %v", err)
	}
}
