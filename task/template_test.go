package task

import (
	"strings"
	"testing"
)

// expand makes the URL of a record by a template.
func expand(t *testing.T, template, record string) (string, error) {
	t.Helper()
	return asking(t, template).(*request).template.execute(Record{Input: []byte(record)})
}

func TestTemplatesMakeURLs(t *testing.T) {
	for name, c := range map[string]struct{ template, record, want string }{
		"no value":               {"http://h/x", "r", "http://h/x"},
		"the whole URL":          {"{{.}}", "http://h/a b?c=d&e#f", "http://h/a b?c=d&e#f"},
		"a path segment":         {"http://h/{{.}}/x", "a b/c?d#e%f", "http://h/a%20b%2Fc%3Fd%23e%25f/x"},
		"within a segment":       {"http://h/a-{{.}}.json", "ü/", "http://h/a-%C3%BC%2F.json"},
		"two segments":           {"http://h/{{.}}/{{.}}", "a/b", "http://h/a%2Fb/a%2Fb"},
		"a query value":          {"http://h/?q={{.}}", "a b&c=d+e#f/é", "http://h/?q=a+b%26c%3Dd%2Be%23f%2F%C3%A9"},
		"a query without a path": {"http://h?q={{.}}", "a b/c", "http://h?q=a+b%2Fc"},
		"path and query":         {"http://h/{{.}}?q={{.}}", "a b", "http://h/a%20b?q=a+b"},
		"bytes that are no text": {"http://h/{{.}}?q={{.}}", "\xff\x00\n", "http://h/%FF%00%0A?q=%FF%00%0A"},
		"an empty record":        {"http://h/{{.}}?q={{.}}", "", "http://h/?q="},
		"a path after a host":    {"{{.}}/x", "http://h", "http://h/x"},
		"a query after a URL":    {"{{.}}?q={{.}}", "http://h", "http://h?q=http%3A%2F%2Fh"},
		"a segment after a host": {"{{.}}/{{.}}", "http://h", "http://h/http%3A%2F%2Fh"},
		"the host":               {"http://{{.}}/x", "h:80", "http://h:80/x"},
		"a part of the host":     {"http://{{.}}.test/x", "h", "http://h.test/x"},
		"the end of the host":    {"http://h{{.}}", ".test/x", "http://h.test/x"},
		"after a whole URL":      {"{{.}}-{{.}}", "http://h/a", "http://h/a-http%3A%2F%2Fh%2Fa"},
		"a parameter after one":  {"{{.}}&k={{.}}", "http://h/?a=b&c", "http://h/?a=b&c&k=http%3A%2F%2Fh%2F%3Fa%3Db%26c"},
		"a port":                 {"http://h:{{.}}/x", "80", "http://h:80/x"},
		"an IPv6 address":        {"http://[{{.}}]/x", "::1", "http://[::1]/x"},

		"raw":                      {"http://h/{{raw .}}", "a/b?c=d", "http://h/a/b?c=d"},
		"raw in a pipe":            {"http://h/{{. | raw}}", "a/b", "http://h/a/b"},
		"raw, then more":           {"http://h/{{raw . | printf \"%s!\"}}", "a/b", "http://h/a%2Fb%21"},
		"pathescape in a query":    {"http://h/?q={{pathescape .}}", "a b", "http://h/?q=a%20b"},
		"queryescape in a path":    {"http://h/{{queryescape .}}", "a b/", "http://h/a+b%2F"},
		"urlquery in a path":       {"http://h/{{. | urlquery}}", "a b/", "http://h/a+b%2F"},
		"pathescape of a host":     {"http://{{pathescape .}}/x", "a/b", "http://a%2Fb/x"},
		"JSON in a query":          {"http://h/?q={{json .}}", "a\"b\n", "http://h/?q=%22a%5C%22b%5Cn%22"},
		"JSON in a path":           {"http://h/{{json .}}", "a/b", "http://h/%22a%2Fb%22"},
		"printf":                   {"http://h/{{printf \"%s-%s\" . .}}", "a/b", "http://h/a%2Fb-a%2Fb"},
		"a number":                 {"http://h/{{len .}}?n={{len .}}", "abc", "http://h/3?n=3"},
		"a variable":               {"http://h/{{$x := .}}{{$x}}", "a/b", "http://h/a%2Fb"},
		"an escape named inside":   {"http://h/{{printf \"%s\" (raw .)}}", "a/b", "http://h/a%2Fb"},
		"trimmed around":           {"http://h/ {{- . -}} /x", "a/b", "http://h/a%2Fb/x"},
		"a comment":                {"http://h/{{/* the user */}}{{.}}", "a/b", "http://h/a%2Fb"},
		"a condition that holds":   {"http://h/{{if eq . \"a/b\"}}x{{.}}{{else}}y{{.}}{{end}}", "a/b", "http://h/xa%2Fb"},
		"one that does not":        {"http://h/{{if eq . \"c\"}}x{{.}}{{else}}y{{.}}{{end}}", "a/b", "http://h/ya%2Fb"},
		"the third of three":       {"http://h/{{if eq . \"a\"}}1{{else if eq . \"b\"}}2{{else}}{{.}}{{end}}", "c/", "http://h/c%2F"},
		"with":                     {"http://h/{{with .}}{{.}}{{else}}none{{end}}", "a/b", "http://h/a%2Fb"},
		"with nothing":             {"http://h/{{with .}}{{.}}{{else}}none{{end}}", "", "http://h/none"},
		"a loop":                   {"http://h/{{range $i := 2}}{{$i}}{{$}}{{end}}", "a/", "http://h/0a%2F1a%2F"},
		"a query in a condition":   {"http://h/{{if .}}?q={{.}}{{end}}", "a b", "http://h/?q=a+b"},
		"a path beside a query":    {"{{if eq . \"1\"}}http://h/?q={{.}}{{else}}http://h/{{.}}{{end}}", "a b", "http://h/a%20b"},
		"a host beside a path":     {"{{if eq . \"1\"}}http://h/{{.}}{{else}}http://{{.}}/{{end}}", "a/b", "http://a/b/"},
		"after either way":         {"http://h/{{if eq . \"1\"}}x{{else}}?q={{end}}{{.}}", "a b", "http://h/?q=a+b"},
		"after such a condition":   {"http://h/{{if .}}?q=1{{end}}&r={{.}}", "a b", "http://h/?q=1&r=a+b"},
		"a host in the conditions": {"{{if eq . \"a\"}}http://a/{{else}}http://b/{{end}}{{.}}", "c/d", "http://b/c%2Fd"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := expand(t, c.template, c.record)
			if err != nil || got != c.want {
				t.Errorf("got %s, %v; want %s", got, err, c.want)
			}
		})
	}
}

func TestTemplatesThatMakeNoURLAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ template, want string }{
		"unfinished":          {"http://h/{{", "unclosed action"},
		"an unknown function": {"http://h/{{upper .}}", `function "upper" not defined`},
		"an unknown variable": {"http://h/{{$x}}", `undefined variable "$x"`},
		"an unfinished if":    {"http://h/{{if .}}", "unexpected EOF"},
		"another scheme":      {"ftp://h/{{.}}", "is not an http or https URL"},
		"no scheme":           {"h/{{.}}", "is not an http or https URL"},
		"a path":              {"/x/{{.}}", "is not an http or https URL"},
		"no host":             {"http:///{{.}}", "is not an http or https URL"},
		"no slashes":          {"http:{{.}}", "is not an http or https URL"},
		"a space in the host": {"http://a b/{{.}}", "invalid character"},
		"a newline":           {"http://h/\n{{.}}", "invalid control character"},
		"a bad port":          {"http://h:port/{{.}}", "invalid port"},
		"only a comment":      {"{{/* x */}}", "is not an http or https URL"},
		"a call":              {`{{define "x"}}{{.}}{{end}}http://h/{{template "x" .}}`, "cannot call another template"},
		"a block":             {`http://h/{{if .}}{{block "x" .}}{{.}}{{end}}{{end}}`, "cannot call another template"},
		"only a definition":   {`{{define "x"}}http://h/{{end}}`, "is not an http or https URL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Builtin().New("http", Config{Args: []byte(mustJSON(map[string]string{"url": c.template}))})
			if err == nil || !strings.HasPrefix(err.Error(), "task http: args: url: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// TestATemplateThatFailsOnSomeRecordsIsAccepted: that it fails on what was made up to try it says nothing of the real ones.
func TestATemplateThatFailsOnSomeRecordsIsAccepted(t *testing.T) {
	const template = "http://h/{{slice . 20 22}}"
	if got, err := expand(t, template, "01234567890123456789ab"); err != nil || got != "http://h/ab" {
		t.Errorf("got %s, %v", got, err)
	}
	_, err := do(t.Context(), asking(t, template), "short")
	wantFailure(t, err, Permanent, "slice")
}

func TestAURLIsBounded(t *testing.T) {
	const template = "http://h/{{.}}"
	fits := strings.Repeat("x", maxURL-len("http://h/"))
	if got, err := expand(t, template, fits); err != nil || len(got) != maxURL {
		t.Errorf("%d bytes: %v", maxURL, err)
	}
	if _, err := expand(t, template, fits+"x"); err == nil || !strings.Contains(err.Error(), "the URL is too long") {
		t.Errorf("a byte more: %v", err)
	}
}
