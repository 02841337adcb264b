package task

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"
)

func TestTemplatesMakeText(t *testing.T) {
	for name, c := range map[string]struct{ template, text, json, want, refused string }{
		"text as it is":              {template: "<{{.}}>", text: "a b/\"\n\xff", want: "<a b/\"\n\xff>"},
		"no value":                   {template: "x", text: "r", want: "x"},
		"nothing":                    {template: "", text: "r", want: ""},
		"an object":                  {template: "{{.}}", json: `{"b":[1,"<&>"],"a":null}`, want: `{"a":null,"b":[1,"<&>"]}`},
		"a list":                     {template: "{{.}}", json: `[1.50,true,"x"]`, want: `[1.50,true,"x"]`},
		"a string":                   {template: "{{.}}", json: `"x\ny"`, want: "x\ny"},
		"a number":                   {template: "{{.}}", json: `12345678901234567890.10`, want: "12345678901234567890.10"},
		"nothing at all":             {template: "{{.}}", json: `null`, want: "null"},
		"a field":                    {template: "id={{.id}}", json: `{"id":"a&b"}`, want: "id=a&b"},
		"a field that is null":       {template: "{{.id}}", json: `{"id":null}`, want: "null"},
		"a field that is an object":  {template: "{{.a}}", json: `{"a":{"b":1}}`, want: `{"b":1}`},
		"a field that is not there":  {template: "{{.di}}", json: `{"id":1}`, refused: `map has no entry for key "di"`},
		"a field of text":            {template: "{{.id}}", text: "x", refused: "can't evaluate field id"},
		"JSON of text":               {template: `{"v":{{json .}}}`, text: "a\"b\n<", want: `{"v":"a\"b\n<"}`},
		"JSON of a field":            {template: `{"v":{{json .v}}}`, json: `{"v":"\"quoted\""}`, want: `{"v":"\"quoted\""}`},
		"JSON of an object":          {template: `{{json .}}`, json: `{"v":1e3}`, want: `{"v":1e3}`},
		"JSON of what is not UTF-8":  {template: `{{json .}}`, text: "\xff", refused: "it is not UTF-8, which a JSON string must be"},
		"a form":                     {template: "q={{queryescape .}}&r={{urlquery .}}", text: "a b&c", want: "q=a+b%26c&r=a+b%26c"},
		"a path":                     {template: "{{pathescape .}}", text: "a b/c", want: "a%20b%2Fc"},
		"an object in a form":        {template: "q={{queryescape .}}", json: `{"a":1}`, want: "q=%7B%22a%22%3A1%7D"},
		"a list, one by one":         {template: "{{range .}}<{{.}}>{{else}}none{{end}}", json: `[{"a":1},2]`, want: `<{"a":1}><2>`},
		"an empty one":               {template: "{{range .}}<{{.}}>{{else}}none {{.}}{{end}}", json: `[]`, want: "none []"},
		"a condition":                {template: "{{if .a}}{{.a}}{{else}}{{.}}{{end}}", json: `{"a":{}}`, want: `{"a":{}}`},
		"with":                       {template: "{{with .a}}{{.}}{{end}}", json: `{"a":[1]}`, want: "[1]"},
		"a template of its own":      {template: `{{define "x"}}<{{.}}>{{end}}{{template "x" .a}}`, json: `{"a":[1]}`, want: "<[1]>"},
		"a variable":                 {template: "{{$x := .a}}{{$x}}", json: `{"a":[1]}`, want: "[1]"},
		"printf":                     {template: `{{printf "%s-%s" .a .b}}`, json: `{"a":1,"b":"x"}`, want: "1-x"},
		"the record of no JSON":      {template: "{{.id}}", json: `{"id":`, refused: "the record is not JSON"},
		"more than may be":           {template: "{{.}}{{.}}", text: strings.Repeat("x", 600), refused: "more than 1000 bytes"},
		"more in a loop":             {template: "{{range 10000}}x{{end}}", text: "x", refused: "more than 1000 bytes"},
		"more by a width":            {template: `{{printf "%100000d" 1}}`, text: "x", refused: "more than 1000 bytes"},
		"as much as may be":          {template: "{{.}}", text: strings.Repeat("x", 1000), want: strings.Repeat("x", 1000)},
		"the methods of a number":    {template: "{{.Int64}}", json: "7", want: "7"},
		"a call of what is no func":  {template: "{{call .}}", text: "x", refused: "non-function"},
		"a template that calls none": {template: `{{template "y" .}}`, text: "x", refused: `template "y" not defined`},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := parseText(c.template)
			if err != nil {
				t.Fatal(err)
			}
			r := &subject{Record: Record{Input: []byte(c.text)}}
			if c.json != "" {
				r.Input, r.JSON = []byte(c.json), true
			}
			got, err := made.execute(r, 1000)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("got %.100q, %v; want %s", got, err, c.refused)
				}
				return
			}
			if err != nil || string(got) != c.want {
				t.Errorf("got %.100q, %v; want %.100q", got, err, c.want)
			}
		})
	}
}

func TestAURLTakesJSONForAnObject(t *testing.T) {
	for name, c := range map[string]struct{ template, record, want string }{
		"an object in the query": {"http://h/?q={{.}}", `{"b":2,"a":[1]}`, "http://h/?q=%7B%22a%22%3A%5B1%5D%2C%22b%22%3A2%7D"},
		"an object in the path":  {"http://h/{{.a}}", `{"a":{"b":1}}`, "http://h/%7B%22b%22%3A1%7D"},
		"raw":                    {"http://h/{{raw .a}}", `{"a":[1]}`, "http://h/[1]"},
		"null":                   {"http://h/{{.a}}", `{"a":null}`, "http://h/null"},
		"the host":               {"http://{{.host}}/{{.id}}", `{"host":"x.test:80","id":"a/b"}`, "http://x.test:80/a%2Fb"},
		"urlquery":               {"http://h/?q={{urlquery .a}}", `{"a":{"b":1}}`, "http://h/?q=%7B%22b%22%3A1%7D"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := asking(t, c.template).(*request).template.execute(Record{Input: []byte(c.record), JSON: true})
			if err != nil || got != c.want {
				t.Errorf("got %s, %v; want %s", got, err, c.want)
			}
		})
	}
}

func TestOnlyConstantTextIsConstant(t *testing.T) {
	for template, want := range map[string]bool{"": true, "x": true, "{{/* x */}}y": true, "{{.}}": false, "a{{.}}": false, `{{"x"}}`: false, "{{if true}}x{{end}}": false} {
		made, err := parseText(template)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := made.constant(); got != want {
			t.Errorf("%q: constant %v", template, got)
		}
	}
}

// FuzzNoRecordEndsAHeader holds that a header's value is the record, or that the record is refused: nothing of it becomes another header.
func FuzzNoRecordEndsAHeader(f *testing.F) {
	for _, record := range []string{"", "x", "\r\nEvil: 1", "\n", "\r", "\x00", "\x7f", "\t", "é", "\xff", "a\x01b"} {
		f.Add(record)
	}
	made := made(f, `{"url":"http://h/","headers":{"X":"{{.}}"}}`)
	f.Fuzz(func(t *testing.T, record string) {
		req, err := made.build(t.Context(), Record{Input: []byte(record)}, made.fixed)
		switch {
		case err == nil && (req.Header.Get("X") != record || !httpguts.ValidHeaderFieldValue(record)):
			t.Errorf("%q became %q", record, req.Header.Get("X"))
		case err != nil && httpguts.ValidHeaderFieldValue(record) && len(record) <= maxHeaderValue:
			t.Error(err)
		}
	})
}

// FuzzJSONStandsInABody holds that a record made JSON by a template is that record to the other side, whatever it is made of.
func FuzzJSONStandsInABody(f *testing.F) {
	for _, record := range []string{"", "x", `"`, `\`, "\u2028", "<&>", "\x00", "\n", "}", `","evil":"`, "é", "\xff"} {
		f.Add(record)
	}
	template, err := parseText(`{"v":{{json .}},"w":[{{. | json}}]}`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, record string) {
		body, err := template.execute(&subject{Record: Record{Input: []byte(record)}}, maxRequestBody)
		if !utf8.ValidString(record) {
			if err == nil {
				t.Errorf("%q is not UTF-8, and became %s", record, body)
			}
			return
		}
		var got map[string]any
		if err := errors.Join(err, json.Unmarshal(body, &got)); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if w, ok := got["w"].([]any); len(got) != 2 || got["v"] != record || !ok || len(w) != 1 || w[0] != record {
			t.Errorf("%q became %s", record, body)
		}
	})
}

// FuzzTemplatesOverJSON holds that no template and no record of JSON make more than the limit, or a panic; that what is made of a record as a
// whole is the record; and that text by parts is text by the whole template.
func FuzzTemplatesOverJSON(f *testing.F) {
	for _, template := range []string{"{{.}}", "{{.a}}", "{{json .}}", "{{range .}}{{.}}{{end}}", "{{index . 0}}", "{{len .}}", "{{. | queryescape}}", "x{{.}}y", "{{define `a`}}{{.}}{{end}}{{template `a` .}}"} {
		for _, record := range []string{`{"a":1}`, `[1,"x"]`, `"x"`, "null", "1e400", `{"a":{"b":[]}}`} {
			f.Add(template, record)
		}
	}
	f.Fuzz(func(t *testing.T, template, record string) {
		if strings.Contains(template, "range") && strings.ContainsAny(template, "0123456789") || strings.Count(template, "template") > 1 {
			t.Skip() // it may take for ever, as its writer wished
		}
		made, err := parseText(template)
		if err != nil {
			return
		}
		if made.parts != nil {
			quick, err := made.execute(&subject{Record: Record{Input: []byte(record)}}, 1<<20)
			slow, slowErr := (&textTemplate{full: made.full}).execute(&subject{Record: Record{Input: []byte(record)}}, 1<<20)
			if err == nil && string(quick) != string(slow) || (err == nil) != (slowErr == nil) {
				t.Errorf("%q, %v; text/template makes %q, %v", quick, err, slow, slowErr)
			}
		}
		got, err := made.execute(&subject{Record: Record{Input: []byte(record), JSON: true}}, 1000)
		if len(got) > 1000 {
			t.Errorf("%d bytes", len(got))
		}
		if template != "{{json .}}" || err != nil {
			return
		}
		want, _ := Record{Input: []byte(record), JSON: true}.value()
		if back, err := (Record{Input: got, JSON: true}).value(); err != nil || printed(back) != printed(want) {
			t.Errorf("%s became %s: %v", record, got, err)
		}
	})
}

// made makes an http task that is no plain GET.
func made(tb testing.TB, args string) *fullRequest {
	tb.Helper()
	t, err := Builtin().New("http", Config{Args: json.RawMessage(args), Concurrency: 4})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(t.(*fullRequest).Close)
	return t.(*fullRequest)
}
