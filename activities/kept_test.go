package activities

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// costly is a task that counts how often it is made and closed.
type costly struct{ closed *atomic.Int64 }

func (costly) Do(context.Context, task.Record) (task.Result, error) { return task.Result{}, nil }

func (c costly) Close() { c.closed.Add(1) }

type lasting struct{ costly }

func (lasting) Lasting() {}

func TestALastingTaskIsKeptForTheNextChunk(t *testing.T) {
	made := 0
	var closed atomic.Int64
	a := &Activities{Tasks: task.Registry{
		"costly":  func(task.Config) (task.Task, error) { made++; return costly{&closed}, nil },
		"lasting": func(task.Config) (task.Task, error) { made++; return lasting{costly{&closed}}, nil },
	}}
	use := func(key, name string) {
		t.Helper()
		r, err := a.acquire(key, "job", "run", job.Spec{Task: job.Task{Name: name}})
		if err != nil {
			t.Fatal(err)
		}
		a.release(key, r)
	}
	for _, c := range []struct {
		key, name string
		made      int
		closed    int64
	}{
		{"one", "costly", 1, 1},
		{"one", "costly", 2, 2},
		{"two", "lasting", 3, 2},
		{"two", "lasting", 3, 2},
		{"three", "lasting", 4, 2}, // another job's
	} {
		if use(c.key, c.name); made != c.made || closed.Load() != c.closed {
			t.Fatalf("%s: %d made, %d closed; want %d and %d", c.key, made, closed.Load(), c.made, c.closed)
		}
	}
	if a.Close(); closed.Load() != 4 || len(a.kept) != 0 {
		t.Errorf("%d closed, %d kept", closed.Load(), len(a.kept))
	}
}
