package activities_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// ms finds how long the tries of a record took, which differs from run to run.
var ms = regexp.MustCompile(`,"ms":[0-9.]+}`)

func TestAnEnvelopeTellsAllOfARecord(t *testing.T) {
	long := strings.Repeat("a", 5000)
	for name, tt := range map[string]struct {
		input   job.InputFormat
		content string
		script  script
		want    string // without ms
		errors  string
	}{
		"text":         {job.InputLines, "a <b>\n", scripted, `{"record":0,"input":"a <b>","output":"a <b>","tries":1}`, ""},
		"empty":        {job.InputLines, "\n", scripted, `{"record":0,"input":"","output":"","tries":1}`, ""},
		"line breaks":  {job.InputLines, "a|b|\n", scripted, `{"record":0,"input":"a|b|","output":"a\nb\n","tries":1}`, ""},
		"a JSON value": {job.InputLines, "json {\"a\": [1,|2.50]}\n", scripted, `{"record":0,"input":"json {\"a\": [1,|2.50]}","output":{"a":[1,2.50]},"tries":1}`, ""},
		"null":         {job.InputLines, "json null\n", scripted, `{"record":0,"input":"json null","output":null,"tries":1}`, ""},
		"JSON input":   {job.InputJSONL, "{\"b\": 1, \"a\": 12345678901234567890}\n", echo, `{"record":0,"input":{"b":1,"a":12345678901234567890},"output":"{\"b\": 1, \"a\": 12345678901234567890}","tries":1}`, ""},
		"a row":        {job.InputCSV, "x,y\n1,\"a\nb\"\n", echo, `{"record":0,"input":{"x":"1","y":"a\nb"},"output":"{\"x\":\"1\",\"y\":\"a\\nb\"}","tries":1}`, ""},
		"not UTF-8":    {job.InputLines, "\xff\n", scripted, `{"record":0,"inputBase64":"/w==","outputBase64":"/w==","tries":1}`, ""},
		"a failure": {
			job.InputLines, "fail <1>\n", scripted, `{"record":0,"input":"fail <1>","error":"no <1>","tries":1}`,
			failed(0, "fail <1>", "no <1>"),
		},
		"a failure whose record is long": {
			job.InputLines, "fail " + long + "\n", scripted, `{"record":0,"input":"fail ` + long + `","error":"no ` + long + `","tries":1}`,
			`{"record":0,"input":"fail ` + long[:4091] + `","inputTruncated":true,"error":"no ` + long + `","tries":1}` + "\n",
		},
		"a result that is not JSON": {
			job.InputLines, "json {\n", scripted, `{"record":0,"input":"json {","error":"the result cannot be one line: it is not JSON: unexpected end of JSON input","tries":1}`,
			failed(0, "json {", "the result cannot be one line: it is not JSON: unexpected end of JSON input"),
		},
		"a second try": {
			job.InputLines, "a\n", func(_ context.Context, r task.Record) (task.Result, error) {
				if r.Try == 1 {
					return task.Result{}, task.Fail(task.Retryable, errors.New("not yet"))
				}
				return task.Result{Value: []byte("now")}, nil
			}, `{"record":0,"input":"a","output":"now","tries":2}`, "",
		},
		"a failure without a message": {
			job.InputLines, "a\n", func(context.Context, task.Record) (task.Result, error) {
				return task.Result{}, task.Fail(task.Permanent, errors.New(""))
			}, `{"record":0,"input":"a","error":"","tries":1}`, failed(0, "a", ""),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, tt.script)
			s.spec.Format, s.spec.InputFormat = job.FormatRecord, tt.input
			s.write(s.spec.Input[0], tt.content)
			s.pass(1, 1)
			got := s.answers()
			if !ms.MatchString(got) {
				t.Errorf("no ms: %s", got)
			}
			if got = ms.ReplaceAllString(got, "}"); got != tt.want+"\n" {
				t.Errorf("envelope\n%s, want\n%s", got, tt.want)
			}
			if got := s.failures(); got != tt.errors {
				t.Errorf("errors\n%s, want\n%s", got, tt.errors)
			}
		})
	}
}

// TestABadRecordHasAnEnvelope has records that break the rules of their format: what is no JSON stands there as text.
func TestABadRecordHasAnEnvelope(t *testing.T) {
	s := newSite(t, echo)
	s.spec.Format, s.spec.InputFormat = job.FormatRecord, job.InputJSONL
	s.write(s.spec.Input[0], "1\n{\n2\n")
	s.pass(2, 2)
	rows := strings.Split(strings.TrimSpace(s.answers()), "\n")
	if len(rows) != 3 || !strings.HasPrefix(rows[1], `{"record":1,"input":"{","error":"`) || !strings.HasSuffix(rows[1], `,"tries":0,"ms":0}`) {
		t.Errorf("lines %q", rows)
	}
}

// TestNULEndsALine has text with line breaks in an output whose lines end with NUL bytes, and holes.
func TestNULEndsALine(t *testing.T) {
	for format, tt := range map[job.Format]struct{ want, errors string }{
		job.FormatText: {
			"a\nb\x00\x00\x00d\x00",
			`{"record":1,"input":"\u0000","error":"the result cannot be one line: it has a NUL byte, which ends a line; use --format json, which writes it as \\u0000","tries":1}` +
				"\n" + failed(2, "fail", "no"),
		},
		job.FormatJSON: {"\"a\\nb\\n\"\x00\"\\u0000\"\x00null\x00\"d\"\x00", failed(2, "fail", "no")},
	} {
		t.Run(string(format), func(t *testing.T) {
			s := newSite(t, scripted, "a|b|", "\x00", "fail", "d")
			s.spec.Format, s.spec.OutputDelimiter = format, job.DelimiterNUL
			s.pass(3, 1)
			if got := s.answers(); got != tt.want {
				t.Errorf("output %q, want %q", got, tt.want)
			}
			if got := s.failures(); got != tt.errors {
				t.Errorf("errors\n%s, want\n%s", got, tt.errors)
			}
			v, err := s.verify()
			if err != nil || v.Position.Records != 4 {
				t.Errorf("verified %+v, %v", v.Position, err)
			}
			s.spec.OutputDelimiter = job.DelimiterNewline
			_, err = s.prepare()
			if want := "its lines end with nul, not newline"; !strings.Contains(wantKind(t, err, job.SpecChanged), want) {
				t.Errorf("%v; want %q", err, want)
			}
		})
	}
}

// TestEnvelopesKeepTheOrder has many records of the format record, some of which fail.
func TestEnvelopesKeepTheOrder(t *testing.T) {
	var records []string
	for i := range 50 {
		if i%7 == 3 {
			records = append(records, "fail")
		} else {
			records = append(records, fmt.Sprint(i))
		}
	}
	s := newSite(t, scripted, records...)
	s.spec.Format = job.FormatRecord
	s.pass(9, 4)
	for i, row := range strings.Split(strings.TrimSpace(s.answers()), "\n") {
		if !strings.HasPrefix(row, fmt.Sprintf(`{"record":%d,"input":"%s",`, i, records[i])) || strings.Contains(row, `"error"`) != (records[i] == "fail") {
			t.Errorf("line %d is %s", i, row)
		}
	}
}
