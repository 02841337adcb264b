package task

import "context"

// Func makes a task of a function; it takes no arguments. The function is called concurrently, once for each try of a record, with a context
// that ends at the try's time-out or when the worker stops. Its errors are Transient unless Fail classifies them; a panic fails the record.
func Func(do func(context.Context, Record) (Result, error)) Factory {
	return func(c Config) (Task, error) { return function(do), decodeArgs(c.Args, &struct{}{}) }
}

type function func(context.Context, Record) (Result, error)

func (f function) Do(ctx context.Context, r Record) (Result, error) { return f(ctx, r) }
