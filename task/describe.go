package task

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Describer is implemented by tasks that can show what they would do for a record, without doing any of it. What is secret is not shown. The text
// may have several lines. An error is the one that the record would fail with.
type Describer interface {
	Describe(context.Context, Record) (string, error)
}

// Describe shows what a task of that name would do for a record.
func Describe(ctx context.Context, name string, t Task, r Record) (string, error) {
	if d, ok := t.(Describer); ok {
		return d.Describe(ctx, r)
	}
	return name + " " + quote(string(r.Input)), nil
}

// Describe implements Describer: the request.
func (t *request) Describe(_ context.Context, r Record) (string, error) {
	u, err := t.template.execute(r)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequest(http.MethodGet, u, nil)
	if err != nil {
		return "", err
	}
	return req.Method + " " + req.URL.Redacted(), fetchable(req.URL)
}

// Describe implements Describer: the command as one would give it to a shell.
func (t *command) Describe(_ context.Context, r Record) (string, error) {
	args, err := t.arguments(r)
	if err != nil {
		return "", err
	}
	line := CommandLine(append([]string{t.Command[0]}, args...))
	if t.stdin {
		line = `printf '%s\n' ` + quote(string(r.Input)) + " | " + line
	}
	return line, nil
}

// Describe implements Describer: the line and the program that gets it.
func (t *linePipe) Describe(_ context.Context, r Record) (string, error) {
	line, err := lineOf(r)
	if err != nil {
		return "", err
	}
	return `printf '%s\n' ` + quote(string(line[:len(line)-1])) + " | " + CommandLine(t.command), nil
}

// Describe implements Describer: the line and the program that gets it.
func (t *asyncPipe) Describe(_ context.Context, r Record) (string, error) {
	input, err := jsonOf(r)
	if err != nil {
		return "", err
	}
	line, err := json.Marshal(question{ID: uint64(r.Number), Record: r.Number, Key: r.IdempotencyKey(), Input: input})
	return `printf '%s\n' ` + quote(string(line)) + " | " + CommandLine(t.command), err
}

// Describe implements Describer: the activity and its argument.
func (t *activity) Describe(_ context.Context, r Record) (string, error) {
	input, err := jsonOf(r)
	if err != nil {
		return "", err
	}
	if t.Batch > 1 {
		return fmt.Sprintf("activity %s on task queue %s, for %s among up to %d records", t.Activity, t.Queue, input, t.Batch), nil
	}
	return fmt.Sprintf("activity %s on task queue %s: %s", t.Activity, t.Queue, input), nil
}

// CommandLine is a command as one would give it to a shell.
func CommandLine(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = quote(arg)
	}
	return strings.Join(quoted, " ")
}

// harmless is the characters beside letters and digits that mean nothing to a shell.
const harmless = "%+,-./:=@_"

// quote writes a word so that a shell reads it as it is: in $'...', which the larger shells know, where it has what a terminal would not show.
func quote(word string) string {
	bare, shown := word != "", utf8.ValidString(word)
	for _, c := range word {
		bare = bare && (c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c)) || strings.ContainsRune(harmless, c))
		shown = shown && unicode.IsPrint(c)
	}
	switch {
	case bare:
		return word
	case shown:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for i := 0; i < len(word); {
		c, n := utf8.DecodeRuneInString(word[i:])
		switch {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == utf8.RuneError && n == 1 || !unicode.IsPrint(c):
			for _, raw := range []byte(word[i : i+n]) {
				fmt.Fprintf(&b, `\%03o`, raw) // which, unlike \x, ends after three digits
			}
		default:
			b.WriteRune(c)
		}
		i += n
	}
	return b.String() + "'"
}
