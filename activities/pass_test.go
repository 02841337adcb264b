package activities_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// scripted answers a record by its text: "fail ..." fails for good, "json ..." answers that as JSON, everything else is echoed.
func scripted(_ context.Context, r task.Record) (task.Result, error) {
	in := string(r.Input)
	if what, ok := strings.CutPrefix(in, "fail"); ok {
		return task.Result{}, task.Fail(task.Permanent, errors.New("no"+what))
	}
	if value, ok := strings.CutPrefix(in, "json "); ok {
		return task.Result{Value: []byte(strings.ReplaceAll(value, "|", "\n")), JSON: true}, nil
	}
	return task.Result{Value: []byte(strings.ReplaceAll(in, "|", "\n"))}, nil
}

func TestAPassWritesExactlyTheAnswersInOrder(t *testing.T) {
	long := strings.Repeat("é", 2047) + "ab" + "é" // 4098 bytes, with a rune over byte 4096
	for name, tt := range map[string]struct {
		format  job.Format
		input   string
		answers string
		errors  string
	}{
		"empty input":                  {job.FormatText, "", "", ""},
		"one record without a newline": {job.FormatText, "a", "a\n", ""},
		"empty records":                {job.FormatText, "\n\n", "\n\n", ""},
		"CRLF":                         {job.FormatText, "a\r\nb\r\n", "a\nb\n", ""},
		"text":                         {job.FormatText, "a\nb <&>\n\xff\nd\n", "a\nb <&>\n\xff\nd\n", ""},
		"text answered as JSON":        {job.FormatJSON, "a\n\"b\" <&>\n\nd\n", "\"a\"\n\"\\\"b\\\" <&>\"\n\"\"\n\"d\"\n", ""},
		"line breaks as JSON":          {job.FormatJSON, "a|b|\n", `"a\nb\n"` + "\n", ""},
		"JSON is made compact":         {job.FormatJSON, `json {"a": [1,|  2.50 ], "b": "<x y>"}` + "\n" + "json  7 \n", `{"a":[1,2.50],"b":"<x y>"}` + "\n7\n", ""},
		"JSON as text":                 {job.FormatText, `json {"a": 1}` + "\n", `{"a": 1}` + "\n", ""},
		"a last line break is dropped": {
			job.FormatText, "a|\nb\r|\nc||\n", "a\nb\n\n",
			`{"record":2,"input":"c||","error":"the result cannot be one line: it has 2; use --format json, which writes line breaks as \\n","tries":1}` + "\n",
		},
		"a line break within is a failure": {
			job.FormatText, "a\nb|c\nd\n", "a\n\nd\n",
			`{"record":1,"input":"b|c","error":"the result cannot be one line: it has 2; use --format json, which writes line breaks as \\n","tries":1}` + "\n",
		},
		"not JSON": {
			job.FormatJSON, "json {\na\n", "null\n\"a\"\n",
			`{"record":0,"input":"json {","error":"the result cannot be one line: it is not JSON: unexpected end of JSON input","tries":1}` + "\n",
		},
		"not UTF-8 as JSON": {
			job.FormatJSON, "\xff\na\n", "null\n\"a\"\n",
			`{"record":0,"inputBase64":"/w==","error":"the result cannot be one line: it is not UTF-8, which a JSON string must be; use --format text","tries":1}` + "\n",
		},
		"holes in text": {
			job.FormatText, "fail 1\na\nfail 2\nfail 3\nb\nfail\n", "\na\n\n\nb\n\n",
			failed(0, "fail 1", "no 1") + failed(2, "fail 2", "no 2") + failed(3, "fail 3", "no 3") + failed(5, "fail", "no"),
		},
		"holes in JSON": {job.FormatJSON, "fail 1\na\n", "null\n\"a\"\n", failed(0, "fail 1", "no 1")},
		"a failed record that is not UTF-8": {
			job.FormatText, "fail\xff\x00\n", "\n",
			`{"record":0,"inputBase64":"ZmFpbP8A","error":"no\ufffd\u0000","tries":1}` + "\n",
		},
		"a long failed record": {job.FormatText, "fail\n" + "json " + long + "\n", "\n" + long + "\n", failed(0, "fail", "no")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, scripted)
			s.spec.Format = tt.format
			s.write(s.spec.Input[0], tt.input)
			for _, size := range []int{1, 3, 1000} {
				end := s.pass(size, 2)
				if got := s.answers(); got != tt.answers {
					t.Errorf("chunks of %d: output %q, want %q", size, got, tt.answers)
				}
				if got := s.failures(); got != tt.errors {
					t.Errorf("chunks of %d: errors\n%s, want\n%s", size, got, tt.errors)
				}
				records := int64(strings.Count(tt.answers, "\n"))
				sum := sha256.Sum256([]byte(tt.answers))
				want := job.Appended{
					Position: job.Position{
						Records: records, InputOffset: int64(len(tt.input)), OutputBytes: int64(len(tt.answers)), ErrorBytes: int64(len(tt.errors)),
					},
					Totals:       job.Totals{Failed: int64(strings.Count(tt.errors, "\n")), Tries: records, TaskMicros: end.Totals.TaskMicros},
					OutputDigest: hex.EncodeToString(sum[:]), Complete: true,
				}
				if end != want {
					t.Errorf("chunks of %d: ended at %+v, want %+v", size, end, want)
				}
				s.wantSegments()
				s.spec.Overwrite = true // for the next size
			}
		})
	}
}

// failed is the line of a record in the errors file that failed for good at once.
func failed(record int, input, cause string) string {
	return fmt.Sprintf(`{"record":%d,"input":%q,"error":%q,"tries":1}`+"\n", record, input, cause)
}

func TestAPreparedOutputSaysWhereItStands(t *testing.T) {
	s := newSite(t, echo, "a", "bb", "ccc", "dddd")
	p := s.prepared()
	if p.Position != (job.Position{}) || p.Complete || p.InputBytes != 14 || len(p.Segments) != 0 {
		t.Errorf("at the beginning %+v", p)
	}
	chunks := s.list(p.Position, 1)
	for _, c := range chunks[:3] {
		s.processed(c, 1)
	}
	a := s.appended(p.Position, false, chunks[0])
	p = s.prepared()
	if p.Position != a.Position || p.Position.Records != 1 || p.Totals != a.Totals || p.OutputDigest != a.OutputDigest || p.Complete {
		t.Errorf("after an append %+v, which was answered with %+v", p, a)
	}
	if len(p.Segments) != 2 || p.Segments[0].Chunk != chunks[1] || p.Segments[1].Chunk != chunks[2] || !p.Segments[0].Sealed {
		t.Errorf("segments %+v, want those of %s and %s", p.Segments, chunks[1], chunks[2])
	}
	s.processed(chunks[3], 1)
	a = s.appended(p.Position, true, chunks[1:]...)
	if p = s.prepared(); !p.Complete || p.Position != a.Position || len(p.Segments) != 0 {
		t.Errorf("at the end %+v", p)
	}
}
