package task

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// builtin makes a task of longhaul's own from its arguments.
func builtin(t *testing.T, name, args string) Task {
	t.Helper()
	made, err := Builtin().New(name, Config{Args: json.RawMessage(args), Concurrency: 4})
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := made.(interface{ Close() }); ok {
		t.Cleanup(c.Close)
	}
	return made
}

// do runs a task for the record 7 of the job "job".
func do(ctx context.Context, made Task, input string) (Result, error) {
	return made.Do(ctx, Record{Number: 7, Input: []byte(input), Job: "job", Try: 1})
}

// wantValue checks a result that is text.
func wantValue(t *testing.T, r Result, err error, want string) {
	t.Helper()
	if err != nil || string(r.Value) != want || r.JSON {
		t.Errorf("got %.200q, JSON %t, %v; want %.200q", r.Value, r.JSON, err, want)
	}
}

// wantFailure checks an error's class and that its text contains each of the words.
func wantFailure(t *testing.T, err error, want Class, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("it did not fail")
	}
	if got, _ := Classify(err); got != want {
		t.Errorf("class %d, want %d: %v", got, want, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %v, want it to say %q", err, w)
		}
	}
}

// mustJSON encodes a task's arguments.
func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
