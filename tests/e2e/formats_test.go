package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/tests/harness"
)

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(content)
	harness.Must(t, err)
	harness.Must(t, w.Close())
	return b.Bytes()
}

func zstded(t *testing.T, content []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	harness.Must(t, err)
	defer w.Close()
	return w.EncodeAll(content, nil)
}

// TestInputFormats runs echo over each format, good and bad.
func TestInputFormats(t *testing.T) {
	for name, c := range map[string]struct {
		files, args string
		want        string
		status      int
		errors      []string
	}{
		"CSV with quoted newlines": {
			"a.csv=id,name\n1,\"a\nb\"\r\n\n2,\"c\"\"d\"\n", "a.csv --input-format csv --format json",
			"{\"id\":\"1\",\"name\":\"a\\nb\"}\n{\"id\":\"2\",\"name\":\"c\\\"d\"}\n", 0, nil,
		},
		"TSV":                           {"a=x\ty\n1\t2,3\n", "a --input-format tsv", "{\"x\":\"1\",\"y\":\"2,3\"}\n", 0, nil},
		"JSON lines":                    {"a={\"b\": [1]}\n7\n", "a --input-format jsonl --format json", "{\"b\":[1]}\n7\n", 0, nil},
		"NUL":                           {"a=x\ny\x00z", "a --input-format nul --format json", "\"x\\ny\"\n\"z\"\n", 0, nil},
		"several files":                 {"a=1\n2;b=;c=3", "c a b", "3\n1\n2\n", 0, nil},
		"a pattern":                     {"b.in=2\n;a.in=1", "*.in", "1\n2\n", 0, nil},
		"skip and limit over two files": {"a=0\n1\n;b=2\n3\n4\n", "a b --skip 1 --limit 3", "1\n2\n3\n", 0, nil},
		"more to skip than there is":    {"a=0\n1\n", "a --skip 5", "", 0, nil},
		"a row with too many fields":    {"a=x\n1\n2,3\n4\n", "a --input-format csv --format json", "{\"x\":\"1\"}\nnull\n{\"x\":\"4\"}\n", 3, []string{`"record":1,`, "/a: record 1, which begins at byte 4: 2 fields, where the header has 1"}},
		"a line that is not JSON":       {"a=1\n{\n", "a --input-format jsonl --format json", "1\nnull\n", 3, []string{"/a: record 1, which begins at byte 2: not a JSON value: byte 1 of the line: unexpected end of JSON input"}},
		"a quote that is never closed":  {"a=x\n1\n\"2\n3\n", "a --input-format csv --format json", "{\"x\":\"1\"}\nnull\n", 3, []string{"column 1: a quoted field has no end"}},
		"a header only":                 {"a=x\n", "a --input-format csv", "", 0, nil},
		"a sample of all":               {"a=1\n2\n", "a --sample 100%", "1\n2\n", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := harness.New(t)
			b.Worker()
			for _, f := range strings.Split(c.files, ";") {
				name, content, _ := strings.Cut(f, "=")
				b.Write(name, []byte(content))
			}
			b.Longhaul(append(strings.Fields(c.args), "--output", "out", "--task", "echo")...).Ended(c.status)
			b.Same("out", []byte(c.want))
			for _, want := range c.errors {
				if got := b.Read("out.longhaul/errors.jsonl"); !bytes.Contains(got, []byte(want)) {
					t.Errorf("errors do not say %q: %s", want, got)
				}
			}
			b.Tidy("out")
			b.Start(harness.LonghaulProgram, "verify", "out").Ended(0)
		})
	}
}

// TestRowsOverHTTP puts fields of rows and of JSON lines into URLs.
func TestRowsOverHTTP(t *testing.T) {
	const n = 500
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	b.Worker()
	rows, values := "name,id\n", ""
	for i := range n {
		rows += fmt.Sprintf("\"a\nb\",%d\n", i+1)
		values += fmt.Sprintf("{\"user\":{\"id\":%d}}\n", i+1)
	}
	b.Write("in.csv", []byte(rows))
	b.Write("in.jsonl", []byte(values))
	b.Longhaul("in.csv", "--output", "csv.out", "--input-format", "csv", "--http", strings.ReplaceAll(tg.Template(), "{{.}}", "{{.id}}")).Ended(0)
	b.Same("csv.out", harness.Oracle(n))
	b.Longhaul("in.jsonl", "--output", "jsonl.out", "--input-format", "jsonl", "--http", strings.ReplaceAll(tg.Template(), "{{.}}", "{{.user.id}}")).Ended(0)
	b.Same("jsonl.out", harness.Oracle(n))
	p := b.Longhaul("in.csv", "--output", "typo.out", "--input-format", "csv", "--limit", "1", "--http", strings.ReplaceAll(tg.Template(), "{{.}}", "{{.idd}}")).Ended(3)
	if got := b.Read("typo.out.longhaul/errors.jsonl"); !bytes.Contains(got, []byte(`no entry for key \"idd\"`)) {
		t.Errorf("errors: %s%s", got, p.Errs())
	}
}

// TestManyFilesAsOne reads compressed and plain files by a pattern: the output is that of their lines put together.
func TestManyFilesAsOne(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	want := harness.Lines(200_000)
	parts := bytes.SplitAfter(want, []byte("99\n"))
	const files = 30
	for i := range files {
		part := bytes.Join(parts[i*len(parts)/files:(i+1)*len(parts)/files], nil)
		switch i % 3 {
		case 1:
			part = gzipped(t, part)
		case 2:
			part = zstded(t, part)
		}
		b.Write(fmt.Sprintf("in%02d", i), part)
	}
	b.Longhaul("in*", "--output", "out", "--task", "echo").Ended(0)
	b.Same("out", want)
	b.Tidy("out")
}

// TestASampleIsTheSameAfterAResume stops a job in its middle, and compares with the sample that the numbers say.
func TestASampleIsTheSameAfterAResume(t *testing.T) {
	const n = 20_000
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(2*time.Millisecond))
	tg.Gate = make(chan struct{})
	b.Worker()
	b.Write("in", harness.Lines(n))
	s := job.Selection{Skip: 100, Sample: 0.05, Seed: 7}
	tg.Held = func(record string) bool { // so that the job is not done before it is canceled
		number, err := strconv.ParseInt(record, 10, 64)
		return err == nil && number > n/2
	}
	var want bytes.Buffer
	records := 0
	for s.Number(int64(records)) < n {
		fmt.Fprintf(&want, "%q\n", harness.Answer(fmt.Sprint(s.Number(int64(records))+1)))
		records++
	}
	args := []string{"in", "--output", "out", "--skip", "100", "--sample", "5%", "--seed", "7", "--http", tg.Template(), "--concurrency", "4", "--job", "sample"}
	p := b.Longhaul(args...)
	b.Until("something requested", func() bool { total, _, _ := tg.Counts(); return total > records/3 })
	p.Signal(2)
	p.Ended(130)
	b.Temporal("workflow", "cancel", "--workflow-id", "sample")
	close(tg.Gate)
	b.Temporal("workflow", "result", "--workflow-id", "sample")
	again := b.Longhaul(args...).Ended(0)
	if want := fmt.Sprintf("done: %d records", records); !strings.Contains(strings.ReplaceAll(again.Out(), ",", ""), want) {
		t.Errorf("does not say %q: %s", want, again.Out())
	}
	b.Same("out", want.Bytes())
	b.Start(harness.LonghaulProgram, "verify", "out").Ended(0)
	b.Longhaul(append(args, "--limit", "3")...).Ended(1).Says("its limit is 0, not 3")
}

// TestOutputFormats has commands print several lines for a record, and one fail.
func TestOutputFormats(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	b.Write("in", []byte("1\n2\n3\n"))
	task := []string{"--retries", "1", "--shell", `test "$1" != 2 || exit 7; printf 'a\n%s\n' "$1"`}
	b.Longhaul(append([]string{"in", "--output", "nul", "--print0"}, task...)...).Ended(3)
	b.Same("nul", []byte("a\n1\x00\x00a\n3\x00"))
	b.Start(harness.LonghaulProgram, "verify", "nul").Ended(0)
	b.Longhaul(append([]string{"in", "--output", "record", "--format", "record"}, task...)...).Ended(3)
	got := regexp.MustCompile(`"ms":[0-9.]+}`).ReplaceAll(b.Read("record"), []byte(`"ms":1}`))
	want := `{"record":0,"input":"1","output":"a\n1\n","tries":1,"ms":1}
{"record":1,"input":"2","error":"command sh: exit status 7","tries":1,"ms":1}
{"record":2,"input":"3","output":"a\n3\n","tries":1,"ms":1}
`
	if string(got) != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	b.Same("record.longhaul/errors.jsonl", []byte(`{"record":1,"input":"2","error":"command sh: exit status 7","tries":1}`+"\n"))
	b.Longhaul(append([]string{"in", "--output", "nul"}, task...)...).Ended(1).Says("its lines end with nul, not newline")
}

// TestSelect shapes records and results; what cannot be shaped fails alone, and the errors file has the record as it stands in the input.
func TestSelect(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	b.Write("in", []byte(`{"id": "a b", "n": 1}`+"\n"+`{"n": 2}`+"\n"+`{"id": "c", "n": 3}`+"\n"))
	b.Longhaul("in", "--output", "out", "--input-format", "jsonl", "--select-input", `.id // error("no id")`, "--select", `split(" ") | .[1:] | join("+")`, "--", "echo", "id", "{}").Ended(3)
	b.Same("out", []byte("a+b\n\nc\n"))
	b.Same("out.longhaul/errors.jsonl", []byte(`{"record":1,"input":"{\"n\": 2}","error":"selectInput: error: no id","tries":1}`+"\n"))
	b.Longhaul("in", "--output", "json", "--input-format", "jsonl", "--format", "json", "--select-input", "{n}", "--select", ".n + 1", "--task", "echo").Ended(0)
	b.Same("json", []byte("2\n3\n4\n"))
	b.Longhaul("in", "--output", "json", "--input-format", "jsonl", "--format", "json", "--select-input", "{n}", "--select", ".n", "--task", "echo").Ended(1).
		Says("its select is .n + 1, not .n")
}
