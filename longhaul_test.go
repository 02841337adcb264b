package longhaul

import (
	"context"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/task"
)

func answer(context.Context, task.Record) (task.Result, error) {
	return task.Result{Value: []byte("42")}, nil
}

func TestTasksStandBesideThoseBuiltIn(t *testing.T) {
	r, err := Tasks{"answer": answer}.registry()
	if err != nil {
		t.Fatal(err)
	}
	made, err := r.New("answer", task.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if res, err := made.Do(t.Context(), task.Record{}); err != nil || string(res.Value) != "42" {
		t.Errorf("%s, %v", res.Value, err)
	}
	if _, err := r.New("answer", task.Config{Args: []byte(`{"x":1}`)}); err == nil || !strings.Contains(err.Error(), `unknown field "x"`) {
		t.Errorf("an argument that it does not take: %v", err)
	}
	for name := range task.Builtin() {
		if r[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestImpossibleTasksAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		tasks Tasks
		want  string
	}{
		"no name":     {Tasks{"": answer}, "no name"},
		"no function": {Tasks{"x": nil}, `task "x": its function is nil`},
		"built in":    {Tasks{"http": answer}, `task "http": that is the name of a task built in`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.tasks.registry(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
