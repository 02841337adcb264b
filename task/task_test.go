package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"time"
)

func TestAnUnknownTaskIsRefusedWithTheNamesOfThose(t *testing.T) {
	const want = `task.name: this worker has no task "ecko"; it has activity, double, echo, exec, http, pipe`
	for range 20 { // a map has many orders
		if _, err := Builtin().New("ecko", Config{}); err == nil || err.Error() != want {
			t.Fatalf("got %v, want %s", err, want)
		}
	}
}

func TestARegistryTakesTasksOfOnesOwn(t *testing.T) {
	r := Builtin()
	r["mine"] = func(c Config) (Task, error) {
		if c.Concurrency != 9 || string(c.Args) != `{"a":1}` {
			return nil, fmt.Errorf("made from %+v", c)
		}
		return echo{}, nil
	}
	if _, err := r.New("mine", Config{Concurrency: 9, Args: json.RawMessage(`{"a":1}`)}); err != nil {
		t.Error(err)
	}
	if _, err := Builtin().New("mine", Config{}); err == nil {
		t.Error("it is in every registry now")
	}
}

func TestArgsAreDecodedStrictly(t *testing.T) {
	for name, c := range map[string]struct{ task, args, want string }{
		"an unknown field of echo":   {"echo", `{"x":1}`, `task echo: args: unknown field "x"`},
		"an unknown field of double": {"double", `{"Delays":"1s"}`, `task double: args: unknown field "Delays"`},
		"an unknown field of exec":   {"exec", `{"command":["true"],"shel":true}`, `task exec: args: unknown field "shel"`},
		"an unknown field of http":   {"http", `{"url":"http://x/","methd":"PUT"}`, `task http: args: unknown field "methd"`},
		"no object":                  {"echo", `[]`, `task echo: args: cannot unmarshal array into Go value of type struct {}`},
		"two values":                 {"double", `{} {}`, `task double: args: more than one JSON value`},
		"not JSON":                   {"double", `{`, `task double: args: unexpected EOF`},
		"a delay without a unit": {
			"double", `{"delay":5}`, `task double: args: cannot unmarshal 5 into Go struct field double.delay of type job.Duration`,
		},
		"a negative delay":    {"double", `{"delay":"-1s"}`, `task double: args: delay: negative`},
		"no command":          {"exec", ``, `task exec: args: command: missing`},
		"an empty command":    {"exec", `{"command":[]}`, `task exec: args: command: missing`},
		"an empty program":    {"exec", `{"command":["","x"]}`, `task exec: args: command: missing`},
		"NUL in an argument":  {"exec", `{"command":["echo","\u0000"]}`, `task exec: args: command: an argument cannot contain a NUL byte`},
		"a command in a line": {"exec", `{"command":"echo x"}`, `task exec: args: cannot unmarshal string into Go struct field command.command of type []string`},
		"no URL":              {"http", `{}`, `task http: args: url: missing`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Builtin().New(c.task, Config{Args: json.RawMessage(c.args)})
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestArgsMayBeLeftOut(t *testing.T) {
	for _, args := range []string{``, `null`, `{}`, ` {} `} {
		if _, err := Builtin().New("echo", Config{Args: json.RawMessage(args)}); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestTheIdempotencyKeyIsOfTheRecordNotTheTry(t *testing.T) {
	r := Record{Number: 12, Job: "longhaul-out-0a", Try: 1}
	if got, want := r.IdempotencyKey(), "longhaul-out-0a:12"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	again := r
	again.Try = 2
	if r.IdempotencyKey() != again.IdempotencyKey() {
		t.Error("it changes from try to try")
	}
}

func TestClassify(t *testing.T) {
	permanent := Fail(Permanent, fs.ErrInvalid)
	for name, c := range map[string]struct {
		err   error
		class Class
		after time.Duration
	}{
		"an error without a class": {errors.New("reset"), Transient, 0},
		"permanent":                {permanent, Permanent, 0},
		"retryable":                {Fail(Retryable, fs.ErrInvalid), Retryable, 0},
		"wrapped":                  {fmt.Errorf("GET: %w", permanent), Permanent, 0},
		"no more file handles":     {Fail(Retryable, fmt.Errorf("command x: pipe: %w", syscall.EMFILE)), Starved, 0},
		"no more processes":        {Fail(Retryable, &fs.PathError{Op: "fork/exec", Path: "/bin/x", Err: syscall.EAGAIN}), Starved, 0},
		"another's EAGAIN":         {&fs.PathError{Op: "read", Path: "x", Err: syscall.EAGAIN}, Transient, 0},
		"with a delay":             {&Error{Err: fs.ErrInvalid, After: time.Minute}, Transient, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			class, after := Classify(c.err)
			if class != c.class || after != c.after {
				t.Errorf("got %d, %s; want %d, %s", class, after, c.class, c.after)
			}
		})
	}
	if permanent.Error() != fs.ErrInvalid.Error() || !errors.Is(permanent, fs.ErrInvalid) {
		t.Errorf("%v hides its cause", permanent)
	}
}

// TestTasksAreResizable raises what the tasks that depend on the cap were made for.
func TestTasksAreResizable(t *testing.T) {
	newTask := func(name, args string) Task {
		t.Helper()
		made, err := Builtin().New(name, Config{Args: json.RawMessage(args), Concurrency: 3})
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	batches := newTask("activity", `{"activity":"A","queue":"Q","batch":6}`).(*activity)
	for _, c := range []struct{ to, want int }{{2, 3}, {5, 5}, {100, 6}, {4, 6}} {
		batches.Resize(c.to)
		if batches.gather.limit != c.want {
			t.Errorf("with %d in flight a batch of %d is full, want %d", c.to, batches.gather.limit, c.want)
		}
	}
	newTask("activity", `{"activity":"A","queue":"Q"}`).(Resizable).Resize(100)
	for _, args := range []string{`{"url":"http://h/"}`, `{"url":"http://h/","method":"POST"}`} {
		if _, ok := newTask("http", args).(Resizable); !ok {
			t.Errorf("http %s is not resizable", args)
		}
	}
}
