package task

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestATaskShowsWhatItWouldDo(t *testing.T) {
	for name, c := range map[string]struct {
		task, args, input string
		json              bool
		want, fails       string
	}{
		"a request":               {task: "http", args: `{"url":"http://h/{{.}}?q={{.}}"}`, input: "a b&c", want: "GET http://h/a%20b%26c?q=a+b%26c"},
		"a request of a field":    {task: "http", args: `{"url":"http://h/{{.id}}"}`, input: `{"id":7}`, json: true, want: "GET http://h/7"},
		"a password in an URL":    {task: "http", args: `{"url":"http://me:secret@h/{{.}}"}`, input: "a", want: "GET http://me:xxxxx@h/a"},
		"no URL":                  {task: "http", args: `{"url":"{{.}}"}`, input: "ftp://h", fails: "is not an http or https URL"},
		"a missing field":         {task: "http", args: `{"url":"http://h/{{.x}}"}`, input: `{"id":7}`, json: true, fails: `no entry for key "x"`},
		"a command":               {task: "exec", args: `{"command":["sum","-b","{}","{#}"]}`, input: "a b", want: "sum -b 'a b' 7"},
		"a command's input":       {task: "exec", args: `{"command":["wc","-c"]}`, input: "it's", want: `printf '%s\n' 'it'\''s' | wc -c`},
		"a command with NUL":      {task: "exec", args: `{"command":["echo","{}"]}`, input: "a\x00", fails: "contains a NUL byte"},
		"a text for the shell":    {task: "exec", args: `{"shell":"echo \"$1\""}`, input: "a", want: `printf '%s\n' a | sh -c 'echo "$1"' sh a`},
		"a line for a program":    {task: "pipe", args: `{"command":["jq","."]}`, input: `{"a": 1}`, json: true, want: `printf '%s\n' '{"a":1}' | jq .`},
		"a line break":            {task: "pipe", args: `{"command":["cat"]}`, input: "a\nb", fails: "has a line break"},
		"a question of a program": {task: "pipe", args: `{"command":["cat"],"mode":"async"}`, input: "a", want: `printf '%s\n' '{"id":7,"record":7,"key":"job:7","input":"a"}' | cat`},
		"an activity":             {task: "activity", args: `{"activity":"A","queue":"q"}`, input: "a", want: `activity A on task queue q: "a"`},
		"a batch":                 {task: "activity", args: `{"activity":"A","queue":"q","batch":9}`, input: "a", want: `activity A on task queue q, for "a" among up to 9 records`},
		"any other task":          {task: "echo", args: `{}`, input: "a\n", want: `echo $'a\n'`},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := Builtin().New(c.task, Config{Args: json.RawMessage(c.args), Concurrency: 1})
			if err != nil {
				t.Fatal(err)
			}
			if closer, ok := made.(interface{ Close() }); ok {
				defer closer.Close()
			}
			got, err := Describe(t.Context(), c.task, made, Record{Number: 7, Input: []byte(c.input), JSON: c.json, Job: "job", Try: 1})
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("got %q, %v; want an error with %q", got, err, c.fails)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %s, %v; want %s", got, err, c.want)
			}
		})
	}
}

// TestAShellReadsWhatIsQuoted asks a real shell.
func TestAShellReadsWhatIsQuoted(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash, which knows $'...'")
	}
	rapid.Check(t, func(t *rapid.T) {
		var words []string
		var script strings.Builder
		for range 20 {
			word := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.SampledFrom([]byte("a0'\"\\$`\n\t\x1b\xff\xc3\x80 -*~!{}"))), func(b []byte) string { return string(b) })).Draw(t, "word")
			word = strings.ReplaceAll(word, "\x00", "")
			words = append(words, word)
			q := quote(word)
			if strings.ContainsFunc(q, func(c rune) bool { return !unicode.IsPrint(c) }) {
				t.Fatalf("%q is quoted as %q, which a terminal does not show", word, q)
			}
			script.WriteString("printf '%s\\0' " + q + "\n")
		}
		cmd := exec.Command(bash, "-c", script.String())
		cmd.Env = []string{"LC_ALL=C"}
		out, err := cmd.Output()
		if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); err != nil || strings.Join(got, "\x00") != strings.Join(words, "\x00") {
			t.Fatalf("%v: bash read %q of %q", err, got, words)
		}
	})
}
