package failures

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestErrorsOfOneCauseAreOne(t *testing.T) {
	type failed struct{ message, input string }
	for name, c := range map[string]struct {
		a, b failed
		want string
	}{
		"what is quoted": {
			failed{`"x" is not a number`, "x"}, failed{`"a \"b\"" is not a number`, `a "b"`}, `"…" is not a number`,
		},
		"the record's text": {
			failed{"HTTP 404 Not Found: no user anna", "anna"}, failed{"HTTP 404 Not Found: no user Jörg", "Jörg"}, "HTTP 404 Not Found: no user …",
		},
		"the record's text, escaped for a URL": {
			failed{"nothing at a%20b%2Fc here", "a b/c"}, failed{"nothing at some+thing here", "some thing"}, "nothing at … here",
		},
		"a field of the record": {
			failed{"no user anna", `{"id":"7","name":"anna"}`}, failed{"no user berta", `{"id":"8","name":"berta"}`}, "no user …",
		},
		"a URL and an address": {
			failed{`Get "http://127.0.0.1:8080/7": dial tcp 127.0.0.1:8080: connect: connection refused`, "7"},
			failed{`Get "http://127.0.0.1:8081/x": dial tcp 127.0.0.1:8081: connect: connection refused`, "x"},
			`Get "…": dial tcp …: connect: connection refused`,
		},
		"a URL without quotes": {
			failed{"cannot load https://a.example/x?y=1.", ""}, failed{"cannot load http://b.example:81/z.", ""}, "cannot load ….",
		},
		"local ports": {
			failed{"read tcp 10.0.0.1:54321->10.0.0.2:80: read: connection reset by peer", ""},
			failed{"read tcp 10.0.0.1:54399->10.0.0.3:443: read: connection reset by peer", ""},
			"read tcp …->…: read: connection reset by peer",
		},
		"an IPv6 address": {
			failed{"dial tcp [::1]:80: i/o timeout", ""}, failed{"dial tcp [fe80::1%eth0]:81: i/o timeout", ""}, "dial tcp …: i/o timeout",
		},
		"a host": {
			failed{"lookup a.example.com on 10.0.0.1:53: no such host", ""},
			failed{"lookup b-2.example.org on 10.0.0.1:53: no such host", ""},
			"lookup … on …: no such host",
		},
		"a path": {
			failed{"cat: /data/7.txt: No such file or directory", ""}, failed{"cat: /data/a/b: No such file or directory", ""}, "cat: …: No such file or directory",
		},
		"a path, relative": {
			failed{"open ./a/b: permission denied", ""}, failed{"open ../c: permission denied", ""}, "open …: permission denied",
		},
		"numbers":       {failed{"quota of 1,000 used up after 12.5 s", ""}, failed{"quota of 20 used up after 3 s", ""}, "quota of N used up after N s"},
		"ids":           {failed{"request 3f2a91bc failed", ""}, failed{"request 0077aa12 failed", ""}, "request N failed"},
		"mixed ids":     {failed{"request a1b2c3d4x failed", ""}, failed{"request q9w8e7r6 failed", ""}, "request N failed"},
		"UUIDs":         {failed{"request 0199f3a2-7c44-7d0e-8a51-6f2b9c3d4e5f failed", ""}, failed{"request 8d3c6f0a-5b0e-4a53-9d0e-3d5a4f1c2b7e failed", ""}, "request N failed"},
		"times":         {failed{"late since 2026-01-02T03:04:05Z", ""}, failed{"late since 2026-11-12 13:14:15.678+01:00", ""}, "late since N"},
		"white space":   {failed{"two\n lines", ""}, failed{"two   lines ", ""}, "two lines"},
		"single quotes": {failed{"bad key 'x'", ""}, failed{"bad key 'y z'", ""}, "bad key '…'"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range []failed{c.a, c.b} {
				if got := Cause(f.message, []byte(f.input)); got != c.want {
					t.Errorf("%q of %q: got %q, want %q", f.message, f.input, got, c.want)
				}
			}
		})
	}
}

func TestErrorsOfDifferentCausesStayApart(t *testing.T) {
	for name, c := range map[string][2]string{
		"the status of an answer":  {"HTTP 404 Not Found", "HTTP 403 Forbidden"},
		"statuses of one text":     {"HTTP 520: odd", "HTTP 521: odd"},
		"the status of an exit":    {"exit status 1: no", "exit status 2: no"},
		"a signal":                 {"signal 9", "signal 15"},
		"an apostrophe":            {"can't open the user's file", "can't read the user's file"},
		"what was not a number":    {"it is not UTF-8", "it is not JSON"},
		"words that are no quotes": {"timed out", "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := Cause(c[0], nil), Cause(c[1], nil)
			if a == b {
				t.Errorf("both are %q", a)
			}
		})
	}
}

func TestARecordsTextWithinAWordOrAStatusIsNone(t *testing.T) {
	for name, c := range map[string]struct{ message, input, want string }{
		"within a word": {"no connection", "connect", "no connection"},
		"a status":      {"HTTP 404 Not Found: 404", "404", "HTTP 404 Not Found: …"},
		"too short":     {"a b is of no use", "a", "a b is of no use"},
		"at the ends":   {"abc failed: abc", "abc", "… failed: …"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Cause(c.message, []byte(c.input)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// FuzzCause holds what is true of every cause: it is short, and fit to be printed.
func FuzzCause(f *testing.F) {
	f.Add("HTTP 404 Not Found: no \"x\"", []byte("x"))
	f.Add("ü"+strings.Repeat("é", 300), []byte{0xff})
	f.Add("\ue001 \x1b[31m", []byte(`{"a":"b"}`))
	f.Fuzz(func(t *testing.T, message string, input []byte) {
		c := Cause(message, input)
		if len(c) > maxCause || strings.ContainsAny(c, "\n\r\x1b") || utf8.ValidString(message) && !utf8.ValidString(c) {
			t.Errorf("%d bytes: %q", len(c), c)
		}
	})
}
