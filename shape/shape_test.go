package shape

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/longhaul/longhaul/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAValueIsShaped(t *testing.T) {
	for name, c := range map[string]struct {
		expression, in string
		json           bool
		want           string
		wantJSON       bool
	}{
		"text as it is":                    {".", "a b", false, "a b", false},
		"text without its line break":      {".", "a\r\n", false, "a", false},
		"text with one within":             {".", "a\nb\n\n", false, "a\nb\n", false},
		"text to a number":                 {"tonumber * 2", "21\n", false, "42", true},
		"text that is JSON":                {"fromjson | .a", `{"a":"x"}`, false, "x", false},
		"empty text":                       {"length", "", false, "0", true},
		"a field that is text":             {".url", `{"url":"http://x/?a&b"}`, true, "http://x/?a&b", false},
		"a field that is an object":        {".a", `{"a": {"c": 1, "b": "<>"}}`, true, `{"b":"<>","c":1}`, true},
		"a missing field":                  {".b", `{"a":1}`, true, "null", true},
		"a JSON string":                    {".", `"a\nb"`, true, "a\nb", false},
		"false":                            {".", "false", true, "false", true},
		"a number as it is written":        {".", "12345678901234567890.10", true, "12345678901234567890.10", true},
		"several values as one":            {"[.[]]", "[1,2]", true, "[1,2]", true},
		"a definition":                     {"def f: . + 1; f | f", "1", true, "3", true},
		"an error that is caught":          {`try error("x") catch .`, "1", true, "x", false},
		"builtins":                         {`ascii_upcase | @uri`, "a b\n", false, "A%20B", false},
		"a halt on the side that is taken": {`if . == 1 then 2 else halt end`, "1", true, "2", true},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Parse("select", c.expression)
			if err != nil {
				t.Fatal(err)
			}
			got, isJSON, err := e.Shape(t.Context(), []byte(c.in), c.json)
			if err != nil || string(got) != c.want || isJSON != c.wantJSON {
				t.Errorf("got %q, JSON %v, %v; want %q, %v", got, isJSON, err, c.want, c.wantJSON)
			}
			if isJSON && !json.Valid(got) {
				t.Errorf("%q is not JSON", got)
			}
		})
	}
}

func TestAValueThatCannotBeShapedFailsForGood(t *testing.T) {
	for name, c := range map[string]struct {
		expression, in string
		json           bool
		want           string
	}{
		"no value":            {"empty", "1", true, "select: it has no value for this one (it must have exactly one)"},
		"two values":          {".[]", "[1,2]", true, "select: it has more than one value for this one"},
		"a second that fails": {`1, error("x")`, "1", true, "select: error: x"},
		"an error":            {".a", "[1]", true, "select: expected an object but got: array ([1])"},
		"an own error":        {`error("too small")`, "1", true, "select: error: too small"},
		"a halt":              {"halt", "1", true, "select: it halted"},
		"a halt with a cause": {`"x" | halt_error`, "1", true, "select: it halted"},
		"not UTF-8":           {".", "\xff", false, "select: the text is not UTF-8"},
		"not JSON":            {".", "{", true, "select: not JSON: unexpected EOF"},
		"far too long":        {`. * 10000000`, `"0123456789"`, true, "select: its value has more than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Parse("select", c.expression)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = e.Shape(t.Context(), []byte(c.in), c.json)
			if class, _ := task.Classify(err); err == nil || class != task.Permanent || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, class %v; want %s", err, class, c.want)
			}
		})
	}
}

func TestAnExpressionIsRefusedByWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		".a | }":         `select: unexpected token "}" at byte 6 of ".a | }"`,
		".a |":           `select: unexpected EOF at byte 5 of ".a |"`,
		`"abc`:           `select: unterminated string literal at byte`,
		"foo":            `select: function not defined: foo/0 in "foo"`,
		"$x":             `select: variable not defined: $x in "$x"`,
		"env.HOME":       "select: the environment is out of reach",
		"$ENV":           "select: the environment is out of reach",
		"input":          "select: input(s)/0 is not allowed",
		"[inputs]":       "select: input(s)/0 is not allowed",
		`include "x"; .`: `select: cannot load module: "x"`,
		`debug`:          `select: function not defined: debug/0`,
		`input_filename`: `select: function not defined: input_filename/0`,
	} {
		t.Run(text, func(t *testing.T) {
			_, err := Parse("select", text)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

// TestTheTryBoundsAnExpression has expressions that never end.
func TestTheTryBoundsAnExpression(t *testing.T) {
	for name, text := range map[string]string{
		"before a value": "last(range(infinite))", "behind a value": "1, last(range(infinite))", "by recursion": "def f: f; f",
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Parse("select", text)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			_, _, err = e.Shape(ctx, []byte("1"), true)
			if class, _ := task.Classify(err); !errors.Is(err, context.DeadlineExceeded) || class != task.Retryable {
				t.Errorf("got %v, class %v", err, class)
			}
		})
	}
}

// asked is a task that notes the record and answers as it is told.
type asked struct {
	got    task.Record
	answer task.Result
	err    error
}

func (a *asked) Do(_ context.Context, r task.Record) (task.Result, error) {
	a.got = r
	return a.answer, a.err
}

// whole is a task with all that a task may have.
type whole struct {
	asked
	closed  bool
	resized int
}

func (w *whole) Lasting()     {}
func (w *whole) Instant()     {}
func (w *whole) Check() error { return errors.New("checked") }
func (w *whole) Close()       { w.closed = true }
func (w *whole) Resize(n int) { w.resized = n }

func TestATaskIsShapedOnBothSides(t *testing.T) {
	s, err := New(".url", ".n + 1")
	if err != nil {
		t.Fatal(err)
	}
	a := &asked{answer: task.Result{Value: []byte(`{"n":1}`), JSON: true}}
	in := []byte(`{"url":"http://x"}`)
	res, err := s.Task("x", a).Do(t.Context(), task.Record{Number: 7, Input: in, JSON: true, Job: "j", Try: 2})
	if err != nil || string(res.Value) != "2" || !res.JSON {
		t.Errorf("answer %q, JSON %v, %v", res.Value, res.JSON, err)
	}
	if r := a.got; string(r.Input) != "http://x" || r.JSON || r.Number != 7 || r.Job != "j" || r.Try != 2 {
		t.Errorf("the task got %+v", r)
	}
	if string(in) != `{"url":"http://x"}` {
		t.Errorf("the record was changed: %s", in)
	}
	a.err = task.Fail(task.Transient, errors.New("down"))
	if _, err := s.Task("x", a).Do(t.Context(), task.Record{Input: in, JSON: true}); !errors.Is(err, a.err) {
		t.Errorf("a failure became %v", err)
	}
	a.got = task.Record{}
	if _, err := s.Task("x", a).Do(t.Context(), task.Record{Input: []byte("[]"), JSON: true}); err == nil || a.got.Input != nil {
		t.Errorf("a record that cannot be shaped: %v, the task got %q", err, a.got.Input)
	}
}

func TestAShapedTaskHasWhatItsTaskHas(t *testing.T) {
	s, err := New(".", "")
	if err != nil {
		t.Fatal(err)
	}
	w := &whole{}
	shaped := s.Task("x", w)
	if _, ok := shaped.(task.Lasting); !ok {
		t.Error("it is not lasting any more")
	}
	if _, ok := shaped.(task.Instant); ok {
		t.Error("it is instant, so without a time-out")
	}
	if err := shaped.(interface{ Check() error }).Check(); err == nil || err.Error() != "checked" {
		t.Errorf("check: %v", err)
	}
	if shaped.(interface{ Close() }).Close(); !w.closed {
		t.Error("it was not closed")
	}
	if shaped.(task.Resizable).Resize(9); w.resized != 9 {
		t.Errorf("it was resized to %d, want 9", w.resized)
	}
	shaped = s.Task("x", &asked{})
	shaped.(task.Resizable).Resize(9)
	if _, ok := shaped.(task.Lasting); ok {
		t.Error("it has become lasting")
	}
	if err := shaped.(interface{ Check() error }).Check(); err != nil {
		t.Error(err)
	}
	shaped.(interface{ Close() }).Close()
	if got := (Shaping{}).Task("x", w); got != task.Task(w) {
		t.Error("no expression: another task")
	}
}
