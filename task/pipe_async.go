package task

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"
)

// asyncPipe runs one program that has many records in hand at once. Each is a line of JSON with an id, by which its answer is known; the
// answers come in any order. docs/pipe.md is the protocol.
type asyncPipe struct {
	command []string
	// maxGivenUp is how many timed-out records a program may leave without any answer before it is taken for hung.
	maxGivenUp int

	mu      sync.Mutex
	current *session
}

// question is a record, as the program reads it.
type question struct {
	ID     uint64          `json:"id"`
	Record int64           `json:"record"`
	Key    string          `json:"key"`
	Input  json.RawMessage `json:"input"`
}

// cancellation tells the program that nobody waits for that id any more.
type cancellation struct {
	Cancel uint64 `json:"cancel"`
}

// answer is what the program says of a record: its output, or an error.
type answer struct {
	ID     uint64          `json:"id"`
	Output json.RawMessage `json:"output"`
	Error  *string         `json:"error"`
	// Retryable: this record may succeed later. Transient: the far side failed, and many such in a row are an outage.
	Retryable bool `json:"retryable"`
	Transient bool `json:"transient"`
	// After is how many seconds the next try should wait at least.
	After float64 `json:"after"`
}

func newAsyncPipe(command []string, concurrency int) *asyncPipe {
	return &asyncPipe{command: command, maxGivenUp: max(1_000, 4*concurrency)}
}

// Lasting implements task.Lasting.
func (t *asyncPipe) Lasting() {}

// Check looks the program up.
func (t *asyncPipe) Check() error { return lookUp(t.command[0]) }

func (t *asyncPipe) Do(ctx context.Context, r Record) (Result, error) {
	input, err := jsonOf(r)
	if err != nil {
		return Result{}, Fail(Permanent, err)
	}
	if ctx.Err() != nil {
		return Result{}, Fail(Retryable, ctx.Err())
	}
	s, err := t.session()
	if err != nil {
		return Result{}, Fail(Retryable, err)
	}
	id, answered, err := s.ask(question{Record: r.Number, Key: r.IdempotencyKey(), Input: input})
	if err != nil {
		return Result{}, Fail(Permanent, err)
	}
	select {
	case a := <-answered:
		return a.result()
	case <-s.over:
	case <-ctx.Done():
		s.giveUp(id, ctx.Err())
	}
	select {
	case a := <-answered: // it came all the same
		return a.result()
	default:
	}
	if ctx.Err() != nil {
		return Result{}, Fail(Retryable, fmt.Errorf("program %s: %w", t.command[0], ctx.Err()))
	}
	return Result{}, Fail(Retryable, s.err)
}

// jsonOf is a record as a JSON value.
func jsonOf(r Record) (json.RawMessage, error) {
	if r.JSON {
		return r.Input, nil
	}
	if !utf8.Valid(r.Input) {
		return nil, errors.New("the record is not UTF-8, which a JSON string must be")
	}
	return json.Marshal(string(r.Input))
}

// result is what an answer means.
func (a answer) result() (Result, error) {
	if a.Error != nil {
		e := &Error{Err: errors.New(*a.Error), Class: Permanent}
		switch {
		case a.Transient:
			e.Class = Transient
		case a.Retryable:
			e.Class = Retryable
		}
		if e.Class != Permanent {
			e.After = time.Duration(min(a.After, maxRetryAfter.Seconds()) * float64(time.Second))
		}
		return Result{}, e
	}
	return jsonResult(a.Output), nil
}

// jsonResult makes a JSON value a result: a string is text, all else stands as it is.
func jsonResult(value json.RawMessage) Result {
	var text string
	if len(value) > 0 && value[0] == '"' && json.Unmarshal(value, &text) == nil {
		return Result{Value: []byte(text)}
	}
	return Result{Value: value, JSON: true}
}

// session returns the running program, starting it where there is none.
func (t *asyncPipe) session() (*session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != nil && !t.current.isOver() {
		return t.current, nil
	}
	c, err := startChild(t.command)
	if err != nil {
		return nil, err
	}
	t.current = newSession(c, t.maxGivenUp)
	return t.current, nil
}

// Close lets the program end.
func (t *asyncPipe) Close() {
	t.mu.Lock()
	s := t.current
	t.mu.Unlock()
	if s != nil {
		s.close()
	}
}
