package task_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/longhaul/longhaul/task"
)

// A function becomes a task. What its error says of itself decides whether the record is tried again.
func ExampleFunc() {
	shout := task.Func(func(_ context.Context, r task.Record) (task.Result, error) {
		if len(r.Input) == 0 {
			return task.Result{}, task.Fail(task.Permanent, errors.New("nothing to shout"))
		}
		return task.Result{Value: bytes.ToUpper(r.Input)}, nil
	})
	made, err := task.Registry{"shout": shout}.New("shout", task.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for n, input := range []string{"hello", ""} {
		res, err := made.Do(context.Background(), task.Record{Number: int64(n), Input: []byte(input), Job: "greetings", Try: 1})
		fmt.Println(string(res.Value), err)
	}
	// Output:
	// HELLO <nil>
	//  nothing to shout
}
