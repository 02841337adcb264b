// Package shape shapes what a task gets and what it answers, by expressions in the language of jq.
package shape

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/itchyny/gojq"

	"github.com/longhaul/longhaul/task"
)

// Expression makes one value of another. It is safe for concurrent use.
type Expression struct {
	name string
	code *gojq.Code
}

// Parse compiles an expression, which goes by a name in errors. It can reach nothing but its value: neither the environment, nor files, nor further
// input. Its errors tell what is wrong and, of what cannot be parsed, at which byte from 1.
func Parse(name, text string) (*Expression, error) {
	q, err := gojq.Parse(text)
	if err != nil {
		var at *gojq.ParseError
		if errors.As(err, &at) {
			err = fmt.Errorf("%w at byte %d of %q", err, max(1, at.Offset-len(at.Token)+1), text)
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := bound(q); err != nil {
		return nil, fmt.Errorf("%s: %w in %q", name, err, text)
	}
	env := false
	code, err := gojq.Compile(q, append(checks(), gojq.WithEnvironLoader(func() []string { env = true; return nil }))...)
	if env {
		err = errors.New("the environment is out of reach: env and $ENV are not allowed")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w in %q", name, err, text)
	}
	return &Expression{name: name, code: code}, nil
}

// Shape makes one value of another: of text, a string, or of JSON. What becomes a string is text. Its errors are permanent, but for the one of a
// context that ends.
func (e *Expression) Shape(ctx context.Context, b []byte, isJSON bool) ([]byte, bool, error) {
	v, err := value(b, isJSON)
	if err == nil {
		v, err = e.one(ctx, v, len(b))
	}
	if err == nil && size(v, maxValue, maxDepth) < 0 {
		err = errLarge
	}
	if err != nil {
		class := task.Permanent
		if ctx.Err() != nil || errors.Is(err, errMemory) {
			class = task.Retryable
		}
		return nil, false, task.Fail(class, fmt.Errorf("%s: %w", e.name, err))
	}
	text, isText := v.(string)
	shaped := []byte(text)
	if !isText {
		if shaped, err = gojq.Marshal(v); err != nil {
			return nil, false, task.Fail(task.Permanent, fmt.Errorf("%s: %w", e.name, err))
		}
	}
	if len(shaped) > task.MaxResult {
		return nil, false, task.Fail(task.Permanent, fmt.Errorf("%s: its value has more than %d MiB", e.name, task.MaxResult>>20))
	}
	return shaped, !isText, nil
}

// value is bytes as an expression sees them. Numbers stay as they are written until something is computed of them.
func value(b []byte, isJSON bool) (any, error) {
	if !isJSON {
		if !utf8.Valid(b) {
			return nil, errors.New("the text is not UTF-8, which a string must be")
		}
		b, cut := bytes.CutSuffix(b, []byte{'\n'})
		if cut {
			b = bytes.TrimSuffix(b, []byte{'\r'})
		}
		return string(b), nil
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	return v, nil
}

// one runs the expression, which must have exactly one value.
func (e *Expression) one(ctx context.Context, in any, size int) (any, error) {
	done := ctx.Done()
	select {
	case turns <- struct{}{}:
	case <-done:
		return nil, ctx.Err()
	}
	defer func() { <-turns }()
	it := e.code.RunWithContext(&limited{Context: ctx, done: done, size: size, notes: notes.Load()}, in)
	v, err := next(it)
	if err != nil {
		if errors.Is(err, errNone) {
			return nil, errors.New("it has no value for this one (it must have exactly one)")
		}
		return nil, err
	}
	switch _, err := next(it); {
	case errors.Is(err, errNone):
		return v, nil
	case err != nil:
		return nil, err
	}
	return nil, errors.New("it has more than one value for this one (it must have exactly one; [...] makes an array of them)")
}

// errNone says that an expression has no further value.
var errNone = errors.New("no value")

func next(it gojq.Iter) (any, error) {
	v, ok := it.Next()
	if !ok {
		return nil, errNone
	}
	err, failed := v.(error)
	if !failed {
		return v, nil
	}
	var halt *gojq.HaltError
	if errors.As(err, &halt) {
		return nil, errors.New("it halted")
	}
	return nil, err
}
