package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/spf13/pflag"
)

func TestFlagsOfHTTPAreItsArguments(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	file := filepath.Join(dir, "body.json")
	if err := os.WriteFile(file, []byte("{\"v\":{{json .}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"nothing more":  {nil, `{"url":"http://h/{{.}}"}`},
		"a method":      {[]string{"-X", "PUT"}, `{"method":"PUT","url":"http://h/{{.}}"}`},
		"headers":       {[]string{"-H", "X-A: {{.}}: b", "--header", "X-B:"}, `{"headers":{"X-A":"{{.}}: b","X-B":""},"url":"http://h/{{.}}"}`},
		"secrets":       {[]string{"--header-env", "Authorization=Bearer API_TOKEN"}, `{"headerEnv":{"Authorization":"Bearer API_TOKEN"},"url":"http://h/{{.}}"}`},
		"a body":        {[]string{"--data", "{{.}}"}, `{"body":"{{.}}","url":"http://h/{{.}}"}`},
		"an empty body": {[]string{"--data", ""}, `{"body":"","url":"http://h/{{.}}"}`},
		"a body's file": {[]string{"--data", "@body.json"}, `{"body":"{\"v\":{{json .}}}\n","url":"http://h/{{.}}"}`},
		"the record":    {[]string{"--data-record"}, `{"bodyRecord":true,"url":"http://h/{{.}}"}`},
		"limits":        {[]string{"--max-body", "1MB", "--max-redirs", "0", "--expect", "200,404"}, `{"expect":"200,404","maxBody":1000000,"redirects":0,"url":"http://h/{{.}}"}`},
		"files":         {[]string{"--cacert", "ca.pem", "--cert", "/c.pem", "--key", "k.pem"}, `{"caFile":"` + dir + `/ca.pem","certFile":"/c.pem","keyFile":"` + dir + `/k.pem","url":"http://h/{{.}}"}`},
		"the rest":      {[]string{"--idempotency-key", "--http2-prior-knowledge"}, `{"http2":true,"idempotencyKey":true,"url":"http://h/{{.}}"}`},
	} {
		t.Run(name, func(t *testing.T) {
			var o taskOptions
			f := pflag.NewFlagSet("test", pflag.ContinueOnError)
			o.register(f)
			if err := f.Parse(append(c.args, "--http", "http://h/{{.}}")); err != nil {
				t.Fatal(err)
			}
			if s, err := o.spec(); err != nil || s.Name != "http" || string(s.Args) != c.want {
				t.Errorf("got %s %s, %v\nwant %s", s.Name, s.Args, err, c.want)
			}
		})
	}
}

// TestTheFlagsOfHTTPAreDocumented: each has its row in docs/http.md.
func TestTheFlagsOfHTTPAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "http.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range httpFlags {
		if !regexp.MustCompile("(?m)^\\|[^|]*`--" + name + "[ `]").Match(page) {
			t.Errorf("docs/http.md has no row for --%s", name)
		}
	}
}
