// Package task is the slow I/O that a job does for each record: the interface, the tasks built in, and how their failures are told apart.
package task

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Record is one record of the input.
type Record struct {
	// Number of the record, from 0.
	Number int64
	// Input is the record's bytes. A task must not change or keep them.
	Input []byte
	// JSON says that Input is a JSON value, as of an input of objects; else it is text.
	JSON bool
	// Job is the job's id.
	Job string
	// Try counts the tries of this record, from 1. After a crash it begins anew.
	Try int
}

// IdempotencyKey is the same for every try of a record and differs between records and jobs.
func (r Record) IdempotencyKey() string { return r.Job + ":" + strconv.FormatInt(r.Number, 10) }

// Result is what a task answers for a record.
type Result struct {
	Value []byte
	// JSON says that Value is a JSON value, to be written as such in a JSON output; else it is text.
	JSON bool
}

// Task runs the I/O of one record. Do is called concurrently. A context that ends is the time-out of this try, or the end of the worker.
type Task interface {
	Do(context.Context, Record) (Result, error)
}

// Instant is implemented by tasks without any I/O or side effect: they are run many at once in one slot.
type Instant interface{ Instant() }

// Lasting is implemented by tasks that are costly to make: a worker keeps one for a while after a chunk, for the next chunk of its job.
type Lasting interface{ Lasting() }

// Resizable is implemented by tasks that hold something for each record in flight. Resize says how many may be from now on, since the job's cap was changed;
// more than that may be yet. It is called concurrently with Do, with the same number too.
type Resizable interface{ Resize(concurrency int) }

// Config is what a task is made from.
type Config struct {
	// Args is the JSON object given for it; nil is an empty one.
	Args json.RawMessage
	// Concurrency is how many tasks may be in flight.
	Concurrency int
	// Caller is the worker's way to other workers; nil where a task is made only to check its arguments.
	Caller Caller
	// Access is what the task may use; nil is everything.
	Access Access
}

// Factory makes a task. Its errors are those of the arguments.
type Factory func(Config) (Task, error)

// Registry is the tasks that a worker has, by name.
type Registry map[string]Factory

// Builtin returns a new registry of the tasks that longhaul brings.
func Builtin() Registry {
	return Registry{"activity": newActivity, "double": newDouble, "echo": newEcho, "exec": newExec, "http": newHTTP, "pipe": newPipe}
}

// New makes the task of that name.
func (r Registry) New(name string, c Config) (Task, error) {
	f, ok := r[name]
	if !ok {
		return nil, fmt.Errorf("task.name: this worker has no task %q; it has %s", name, strings.Join(slices.Sorted(maps.Keys(r)), ", "))
	}
	t, err := f(c)
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", name, err)
	}
	return t, nil
}

// Class tells how a failed try is followed up.
type Class int

const (
	// Transient: the far side failed, and may recover: tried again, and taken as a sign of an outage.
	Transient Class = iota
	// Retryable: this record failed, and may succeed later: tried again.
	Retryable
	// Permanent: another try would fail in the same way.
	Permanent
	// Starved: this machine has run out of what every task needs, such as file handles. That says nothing about the record or the far
	// side: it is tried again for as long as it takes, and costs no try.
	Starved
)

// Error classifies the failure of a try. An error that has none in its chain is Transient.
type Error struct {
	Err   error
	Class Class
	// After is how long the far side asked to wait before the next try, if it did.
	After time.Duration
}

// Error returns the cause's text.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Fail classifies an error.
func Fail(class Class, err error) error { return &Error{Err: err, Class: class} }

// Classify returns the class of a failed try's error and how long the far side asked to wait. What the system says that it has run out of
// is Starved, whatever the task makes of it.
func Classify(err error) (Class, time.Duration) {
	if starved(err) {
		return Starved, 0
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Class, e.After
	}
	return Transient, 0
}

// decodeArgs decodes a task's arguments strictly into v.
func decodeArgs(args json.RawMessage, v any) error {
	if len(args) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(args))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("args: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("args: more than one JSON value")
	}
	return nil
}
