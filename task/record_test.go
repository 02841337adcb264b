package task

import (
	"strings"
	"testing"
)

// TestATemplateSeesTheValueOfAJSONRecord, escaped like text.
func TestATemplateSeesTheValueOfAJSONRecord(t *testing.T) {
	for name, c := range map[string]struct {
		template, record string
		text             bool
		want, refused    string
	}{
		"a field":              {template: "http://h/{{.id}}", record: `{"id":"a b/c"}`, want: "http://h/a%20b%2Fc"},
		"a field in the query": {template: "http://h/?q={{.id}}", record: `{"id":"a&b"}`, want: "http://h/?q=a%26b"},
		"a large number":       {template: "http://h/{{.id}}", record: `{"id":12345678901234567890}`, want: "http://h/12345678901234567890"},
		"a field of a field":   {template: "http://h/{{.a.b}}", record: `{"a":{"b":true}}`, want: "http://h/true"},
		"an element":           {template: "http://h/{{index . 1}}", record: `["x","y"]`, want: "http://h/y"},
		"a string":             {template: "http://h/{{.}}", record: `"x\u0079"`, want: "http://h/xy"},
		"as JSON":              {template: "http://h/?q={{json .}}", record: `{"a":1}`, want: "http://h/?q=%7B%22a%22%3A1%7D"},
		"text stays text":      {template: "http://h/{{.}}", record: `"x"`, text: true, want: "http://h/%22x%22"},
		"a field that is not there": {
			template: "http://h/{{.di}}", record: `{"id":1}`, refused: `map has no entry for key "di"`,
		},
		"a field of text": {template: "http://h/{{.id}}", record: `{"id":1}`, text: true, refused: "can't evaluate field id"},
		"no JSON":         {template: "http://h/{{.id}}", record: `{"id":`, refused: "the record is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := asking(t, c.template).(*request).template.execute(Record{Input: []byte(c.record), JSON: !c.text})
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("got %q, %v; want %s", got, err, c.refused)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestEchoAnswersJSONForJSON(t *testing.T) {
	for _, is := range []bool{false, true} {
		res, err := echo{}.Do(t.Context(), Record{Input: []byte(`{"a":1}`), JSON: is})
		if err != nil || res.JSON != is || string(res.Value) != `{"a":1}` {
			t.Errorf("JSON %v: %+v, %v", is, res, err)
		}
	}
}
