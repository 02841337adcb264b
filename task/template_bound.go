package task

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"text/template"
	"text/template/parse"
	"time"
)

// What one execution of a template may take. Templates, and records, may be a stranger's: without these bounds a loop over a large number would take
// hours, and a variable that is doubled a few dozen times all memory.
const (
	// maxSteps is how often bodies of loops and templates of a template's own may begin, beside templateSteps for each byte of the record.
	maxSteps      = 1_000_000
	templateSteps = 4
	// maxMade is how many bytes its functions may make, beside templateMade for each byte of the record.
	maxMade      = 64 << 20
	templateMade = 8
	// maxTemplateTime bounds what takes few steps, but long ones.
	maxTemplateTime = 30 * time.Second
)

// errBound says that a template asks for more than that.
var errBound = errors.New("the template takes too much")

// bounded is a template whose executions are bounded. It is safe for concurrent use.
type bounded struct {
	template *template.Template
	idle     sync.Pool // of *execution
}

// execution is a copy of the template whose functions draw on a budget.
type execution struct {
	template *template.Template
	left     int       // bytes that functions may make
	steps    int       // left
	end      time.Time // from the first step on
	to       io.Writer
}

// parseBounded parses a template. Nodes may be added to its trees until it is first executed.
func parseBounded(name, text string) (*bounded, error) {
	t, err := template.New(name).Option("missingkey=error").Funcs((&execution{}).functions()).Parse(text)
	if err != nil {
		return nil, err
	}
	for _, each := range t.Templates() {
		if each.Tree != nil && each.Root != nil {
			step(each.Root)
		}
	}
	return &bounded{template: t}, nil
}

// step puts a text of no bytes before what may be run again and again: that it is written is how an execution counts its steps.
func step(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.IfNode:
			step(n.List)
			step(n.ElseList)
		case *parse.WithNode:
			step(n.List)
			step(n.ElseList)
		case *parse.RangeNode:
			step(n.List)
			step(n.ElseList)
		}
	}
	l.Nodes = append([]parse.Node{&parse.TextNode{NodeType: parse.NodeText}}, l.Nodes...)
}

// Execute writes what the template makes of a value that was decoded of that many bytes.
func (b *bounded) Execute(to io.Writer, value any, size int) error {
	e, _ := b.idle.Get().(*execution)
	if e == nil {
		c, err := b.template.Clone()
		if err != nil {
			return err
		}
		e = &execution{template: c}
		c.Funcs(e.functions())
	}
	e.left, e.steps, e.end, e.to = maxMade+templateMade*size, maxSteps+templateSteps*size, time.Time{}, to
	err := e.template.Execute(e, value)
	e.to = nil
	b.idle.Put(e)
	return err
}

// Write implements io.Writer.
func (e *execution) Write(b []byte) (int, error) {
	if len(b) > 0 {
		return e.to.Write(b)
	}
	e.steps--
	if e.steps < 0 {
		return 0, fmt.Errorf("%w: more than %d steps", errBound, maxSteps)
	}
	if e.steps%64 != 0 {
		return 0, nil
	}
	switch now := time.Now(); {
	case e.end.IsZero():
		e.end = now.Add(maxTemplateTime)
	case now.After(e.end):
		return 0, fmt.Errorf("%w: more than %s", errBound, maxTemplateTime)
	}
	return 0, nil
}

// need refuses to make about n bytes more than are left.
func (e *execution) need(n int) error {
	if n > e.left {
		return fmt.Errorf("%w: its functions make more than %d MiB", errBound, maxMade>>20)
	}
	return nil
}

// made draws on the budget.
func (e *execution) made(s string) (string, error) {
	err := e.need(len(s))
	e.left -= len(s)
	return s, err
}

// one bounds a function of one value, which makes a few times as much of it at most.
func (e *execution) one(f func(any) (string, error)) func(any) (string, error) {
	return func(v any) (string, error) {
		if err := e.need(printedSize(v)); err != nil {
			return "", err
		}
		s, err := f(v)
		if err != nil {
			return "", err
		}
		if same, ok := v.(string); ok && len(same) == len(s) {
			return s, nil // as a rule nothing was made
		}
		return e.made(s)
	}
}

// any bounds a function of any number of values.
func (e *execution) any(f func(...any) string) func(...any) (string, error) {
	return func(args ...any) (string, error) {
		n := 0
		for _, v := range args {
			n += printedSize(v) + 1
		}
		if err := e.need(n); err != nil {
			return "", err
		}
		return e.made(f(args...))
	}
}

// numbersOf finds the widths and precisions of a format.
var numbersOf = regexp.MustCompile(`%[^%a-zA-Z]*`)

// printf bounds fmt.Sprintf: each verb may print any of the values, at a width and a precision of up to a million.
func (e *execution) printf(format string, args ...any) (string, error) {
	const most = 1_000_000
	largest := 0
	for _, v := range args {
		largest = max(largest, printedSize(v))
	}
	n := len(format)
	for _, verb := range numbersOf.FindAllString(format, -1) {
		n += 6*largest + 400 + strings.Count(verb, "*")*most
		for _, digits := range strings.FieldsFunc(verb, func(r rune) bool { return r < '0' || r > '9' }) {
			width, err := strconv.Atoi(digits)
			if err != nil {
				width = most
			}
			n += min(width, most)
		}
	}
	if err := e.need(n); err != nil {
		return "", err
	}
	return e.made(fmt.Sprintf(format, args...))
}

// printedSize is about how many bytes a value has as text.
func printedSize(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case map[string]any:
		n := 2
		for k, v := range v {
			n += len(k) + printedSize(v) + 4
		}
		return n
	case []any:
		n := 2
		for _, v := range v {
			n += printedSize(v) + 1
		}
		return n
	}
	return 32
}

// functions are what a template may call beside those of text/template that make nothing large.
func (e *execution) functions() template.FuncMap {
	m := template.FuncMap{
		"printf":  e.printf,
		"print":   e.any(fmt.Sprint),
		"println": e.any(fmt.Sprintln),
		"html":    e.any(template.HTMLEscaper),
		"js":      e.any(template.JSEscaper),
	}
	for name, f := range functions {
		m[name] = e.one(f)
	}
	return m
}
