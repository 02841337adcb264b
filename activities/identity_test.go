package activities

import (
	"encoding/json"
	"testing"

	"github.com/longhaul/longhaul/job"
)

func TestIdentityIsWhatDecidesTheOutput(t *testing.T) {
	spec := func(name, args string, format job.Format) job.Spec {
		return job.Spec{Task: job.Task{Name: name, Args: json.RawMessage(args)}, Format: format}
	}
	base := spec("http", `{"url": "http://a/?q=<b>&c", "headers": {"X": "1", "A": "é"}, "n": 12345678901234567890}`, job.FormatJSON)
	for name, tt := range map[string]struct {
		other job.Spec
		same  bool
	}{
		"itself":             {base, true},
		"white space":        {spec("http", `{"url":"http://a/?q=<b>&c","headers":{"X":"1","A":"é"},"n":12345678901234567890}`, job.FormatJSON), true},
		"order of keys":      {spec("http", `{"n":12345678901234567890,"headers":{"A":"é","X":"1"},"url":"http://a/?q=<b>&c"}`, job.FormatJSON), true},
		"escapes":            {spec("http", `{"url":"http:\/\/a/?q=\u003cb>&c","headers":{"X":"1","A":"\u00e9"},"n":12345678901234567890}`, job.FormatJSON), true},
		"what it runs under": {job.Spec{Task: base.Task, Format: base.Format, Input: job.Paths{"/x"}, Output: "/y", Concurrency: 7, Timeout: 1, Overwrite: true}, true},
		"means":              {spec("http", `{"url":"http://a/?q=<b>&c","headers":{"X":"1","A":"é"},"n":12345678901234567890,"caFile":"/a","certFile":"/b","keyFile":"/c","http2":true}`, job.FormatJSON), true},
		"another value":      {spec("http", `{"url":"http://b/?q=<b>&c","headers":{"X":"1","A":"é"},"n":12345678901234567890}`, job.FormatJSON), false},
		"a close number":     {spec("http", `{"url":"http://a/?q=<b>&c","headers":{"X":"1","A":"é"},"n":12345678901234567891}`, job.FormatJSON), false},
		"a key more":         {spec("http", `{"url":"http://a/?q=<b>&c","headers":{"X":"1","A":"é"},"n":12345678901234567890,"m":1}`, job.FormatJSON), false},
		"another task":       {spec("exec", string(base.Task.Args), job.FormatJSON), false},
		"another format":     {spec("http", string(base.Task.Args), job.FormatText), false},
		"no arguments":       {spec("http", ``, job.FormatJSON), false},
	} {
		t.Run(name, func(t *testing.T) {
			if same := identityText(t, base) == identityText(t, tt.other); same != tt.same {
				t.Errorf("%s and %s: the same %v, want %v", identityText(t, base), identityText(t, tt.other), same, tt.same)
			}
		})
	}
}

func TestNoArgumentsAreTheSameInEverySpelling(t *testing.T) {
	none := identityText(t, job.Spec{Task: job.Task{Name: "echo"}})
	for _, args := range []string{`{}`, ` { } `, "{\n}", `null`} {
		if got := identityText(t, job.Spec{Task: job.Task{Name: "echo", Args: json.RawMessage(args)}}); got != none {
			t.Errorf("arguments %q: %s, without any %s", args, got, none)
		}
	}
}

func identityText(t *testing.T, s job.Spec) string {
	t.Helper()
	id, err := identity(s)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
