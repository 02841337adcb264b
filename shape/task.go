package shape

import (
	"context"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// NewTask makes the task of a Spec, with the expressions before and behind it. The caller is nil where it is made only to look at it; a nil access is to everything.
func NewTask(tasks task.Registry, s job.Spec, caller task.Caller, access task.Access) (task.Task, error) {
	t, err := tasks.New(s.Task.Name, task.Config{Args: s.Task.Args, Concurrency: s.Concurrency, Caller: caller, Access: access})
	if err != nil {
		return nil, err
	}
	shaping, err := New(s.SelectInput, s.Select)
	if err != nil {
		return nil, err
	}
	return shaping.Task(s.Task.Name, t), nil
}

// The names of the expressions, in errors.
const (
	nameInput  = "selectInput"
	nameResult = "select"
)

// Shaping is the expressions for the two sides of a task. The zero Shaping changes nothing.
type Shaping struct{ input, result *Expression }

// New compiles the expressions for a task's records and for its results. An empty one changes nothing.
func New(input, result string) (s Shaping, err error) {
	if input != "" {
		if s.input, err = Parse(nameInput, input); err != nil {
			return s, err
		}
	}
	if result != "" {
		s.result, err = Parse(nameResult, result)
	}
	return s, err
}

// Task puts the expressions before and behind a task of that name. The try's context bounds them too.
func (s Shaping) Task(name string, t task.Task) task.Task {
	if s.input == nil && s.result == nil {
		return t
	}
	shaped := &shapedTask{Task: t, Shaping: s, name: name}
	if _, ok := t.(task.Lasting); ok {
		return lastingTask{shaped}
	}
	return shaped
}

// shapedTask is a task between two expressions. It is never task.Instant, since an expression may take its time.
type shapedTask struct {
	task.Task
	Shaping
	name string
}

// lastingTask is one whose task is task.Lasting.
type lastingTask struct{ *shapedTask }

func (lastingTask) Lasting() {}

func (t *shapedTask) Do(ctx context.Context, r task.Record) (task.Result, error) {
	r, err := t.record(ctx, r)
	if err != nil {
		return task.Result{}, err
	}
	res, err := t.Task.Do(ctx, r)
	if err == nil && t.result != nil {
		res.Value, res.JSON, err = t.result.Shape(ctx, res.Value, res.JSON)
	}
	return res, err
}

// record is a record as the task gets it.
func (t *shapedTask) record(ctx context.Context, r task.Record) (task.Record, error) {
	var err error
	if t.input != nil {
		r.Input, r.JSON, err = t.input.Shape(ctx, r.Input, r.JSON)
	}
	return r, err
}

// Describe implements task.Describer: what the task would do for the record that it would get.
func (t *shapedTask) Describe(ctx context.Context, r task.Record) (string, error) {
	r, err := t.record(ctx, r)
	if err != nil {
		return "", err
	}
	return task.Describe(ctx, t.name, t.Task, r)
}

// Resize implements task.Resizable.
func (t *shapedTask) Resize(concurrency int) {
	if r, ok := t.Task.(task.Resizable); ok {
		r.Resize(concurrency)
	}
}

// Check checks what the task checks.
func (t *shapedTask) Check() error {
	if c, ok := t.Task.(interface{ Check() error }); ok {
		return c.Check()
	}
	return nil
}

// Close lets go of what the task holds.
func (t *shapedTask) Close() {
	if c, ok := t.Task.(interface{ Close() }); ok {
		c.Close()
	}
}
