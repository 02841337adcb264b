package longhaul_test

import (
	"bytes"
	"context"

	"github.com/longhaul/longhaul"
	"github.com/longhaul/longhaul/task"
)

// A program of one's own: "mine run words.txt --output loud.txt --task shout" runs its function for each line of words.txt.
func Example() {
	longhaul.Main(longhaul.Tasks{
		"shout": func(_ context.Context, r task.Record) (task.Result, error) {
			return task.Result{Value: bytes.ToUpper(r.Input)}, nil
		},
	})
}
