package task

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// async makes a task of an asynchronous program, a shell script.
func async(t *testing.T, script string, args ...string) *asyncPipe {
	t.Helper()
	command := append([]string{"sh", "-c", script, "sh"}, args...)
	return builtin(t, "pipe", mustJSON(map[string]any{"mode": pipeAsync, "command": command})).(*asyncPipe)
}

// toAnswer makes of questions the answers of an echo.
const toAnswer = `sed -u '/cancel/d; s/"record":.*"input":/"output":/'`

// ask runs records at once and returns their results and errors.
func ask(ctx context.Context, made Task, records ...string) ([]Result, []error) {
	results, errs := make([]Result, len(records)), make([]error, len(records))
	var wait sync.WaitGroup
	for i, record := range records {
		wait.Go(func() {
			results[i], errs[i] = made.Do(ctx, Record{Number: int64(i), Input: []byte(record), Job: "job", Try: 1})
		})
	}
	wait.Wait()
	return results, errs
}

func TestAnswersComeInAnyOrder(t *testing.T) {
	made := async(t, `read -r a; read -r b; read -r c; for l in "$c" "$a" "$b"; do printf '%s\n' "$l"; done | `+toAnswer+`; cat >&2`)
	records := []string{"one", `t"w\o <&>`, "drei ü"}
	results, errs := ask(t.Context(), made, records...)
	for i, want := range records {
		wantValue(t, results[i], errs[i], want)
	}
}

// TestOneProgramHasAllInHand: large records go in and out of one program at once, and nobody waits for anybody.
func TestOneProgramHasAllInHand(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	made := async(t, `echo x >> "$1"; exec `+toAnswer, started)
	var records []string
	for i := range 16 {
		records = append(records, strings.Repeat(fmt.Sprint(i%10), 96<<10))
	}
	results, errs := ask(t.Context(), made, records...)
	for i, want := range records {
		wantValue(t, results[i], errs[i], want)
	}
	if b, err := os.ReadFile(started); string(b) != "x\n" {
		t.Errorf("started: %q, %v", b, err)
	}
}

func TestTheProgramIsToldOfTheRecord(t *testing.T) {
	asked := filepath.Join(t.TempDir(), "asked")
	made := async(t, `read -r a; printf '%s\n' "$a" > "$1"; printf '%s\n' "$a" | `+toAnswer+`; cat >&2`, asked)
	if _, err := made.Do(t.Context(), Record{Number: 7, Input: []byte(`{"a":[1]}`), JSON: true, Job: "job"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(asked)
	if want := `{"id":1,"record":7,"key":"job:7","input":{"a":[1]}}` + "\n"; string(b) != want {
		t.Errorf("asked %s, %v, want %s", b, err, want)
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		value  string
		json   bool
		class  Class
		fails  string
		after  time.Duration
	}{
		"text":               {answer: `"output":"a\n\"ü"`, value: "a\n\"ü"},
		"empty text":         {answer: `"output":""`},
		"a number":           {answer: `"output":1e400`, value: "1e400", json: true},
		"an object":          {answer: `"output":{"a": [1]}`, value: `{"a": [1]}`, json: true},
		"null":               {answer: `"output":null`, value: "null", json: true},
		"an error":           {answer: `"error":"no such user"`, class: Permanent, fails: "no such user"},
		"one of every field": {answer: `"output":null,"error":"x","retryable":false`, class: Permanent, fails: "x"},
		"to be retried":      {answer: `"error":"busy","retryable":true,"after":1.5`, class: Retryable, fails: "busy", after: 1500 * time.Millisecond},
		"an outage's":        {answer: `"error":"down","transient":true`, class: Transient, fails: "down"},
		"after a year":       {answer: `"error":"down","transient":true,"after":3e7`, class: Transient, fails: "down", after: time.Hour},
		"empty error":        {answer: `"error":""`, class: Permanent, fails: ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := do(t.Context(), async(t, `printf '{"id":1,%s}\n' "$1"; cat >&2`, strings.ReplaceAll(c.answer, `%`, `%%`)), "x")
			if strings.HasPrefix(c.answer, `"output"`) && c.class == Transient {
				if err != nil || string(r.Value) != c.value || r.JSON != c.json {
					t.Errorf("got %q, JSON %t, %v", r.Value, r.JSON, err)
				}
				return
			}
			wantFailure(t, err, c.class, c.fails)
			if _, after := Classify(err); after != c.after {
				t.Errorf("after %s, want %s", after, c.after)
			}
		})
	}
}

func TestWhatIsNoAnswerIsFoundOut(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"words":              {`starting up`, `it printed "starting up": not an answer`},
		"nothing":            {``, `not an answer`},
		"an array":           {`[1]`, `not an answer`},
		"unknown id":         {`{"id":9,"output":1}`, "no record has the id 9"},
		"no id":              {`{"output":1}`, "no record has the id 0"},
		"negative id":        {`{"id":-1,"output":1}`, "not an answer"},
		"two values":         {`{"id":1,"output":1} {"id":1,"output":1}`, "more than one JSON value"},
		"unknown field":      {`{"id":1,"result":1}`, "not an answer"},
		"neither":            {`{"id":1}`, "neither an output nor an error"},
		"both":               {`{"id":1,"output":1,"error":"x"}`, "an output and an error"},
		"retryable output":   {`{"id":1,"output":1,"retryable":true}`, "go with an error"},
		"negative wait":      {`{"id":1,"error":"x","retryable":true,"after":-1}`, "after is negative"},
		"error not a string": {`{"id":1,"error":5}`, "not an answer"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := do(t.Context(), async(t, `echo why >&2; printf '%s\n' "$1"; cat >&2`, c.line), "x")
			wantFailure(t, err, Retryable, "program sh", c.want, "why")
		})
	}
}

func TestASecondAnswerIsFoundOut(t *testing.T) {
	made := async(t, `read -r a; printf '%s\n' "$a" | `+toAnswer+`; read -r b; printf '%s\n' "$a" | `+toAnswer+`; cat >&2`)
	if _, err := do(t.Context(), made, "x"); err != nil {
		t.Fatal(err)
	}
	_, err := do(t.Context(), made, "y")
	wantFailure(t, err, Retryable, "id 1 was answered before")
}

// TestADeathFailsAllInHandOnce: each record in hand is to be tried again, and the next life of the program does it.
func TestADeathFailsAllInHandOnce(t *testing.T) {
	died := filepath.Join(t.TempDir(), "died")
	made := async(t, `[ -e "$1" ] && exec `+toAnswer+`; read -r a; read -r b; read -r c; touch "$1"; echo why >&2; exit 3`, died)
	_, errs := ask(t.Context(), made, "a", "b", "c")
	for _, err := range errs {
		wantFailure(t, err, Retryable, "exit status 3: why", "with 3 records in hand")
	}
	results, errs := ask(t.Context(), made, "a", "b", "c")
	for i, want := range []string{"a", "b", "c"} {
		wantValue(t, results[i], errs[i], want)
	}
}

// TestATimedOutRecordIsCancelled: the program is told; its late answer is nobody's; what else it has in hand goes on.
func TestATimedOutRecordIsCancelled(t *testing.T) {
	told := filepath.Join(t.TempDir(), "told")
	made := async(t, `read -r a; read -r cancel; printf '%s\n' "$cancel" > "$1"; printf '%s\n' "$a" | `+toAnswer+`; exec `+toAnswer, told)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := do(ctx, made, "a")
		first <- err
	}()
	asked(t, made, 1)
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	r, err := do(t.Context(), made, "b")
	wantValue(t, r, err, "b")
	if b, err := os.ReadFile(told); string(b) != `{"cancel":1}`+"\n" {
		t.Errorf("told %q, %v", b, err)
	}
	if n := len(made.current.givenUp); n != 0 {
		t.Errorf("%d records are still given up", n)
	}
}

// asked waits until that many records have been asked for in one life of the program.
func asked(t *testing.T, made *asyncPipe, records uint64) {
	t.Helper()
	until(t, func() bool {
		made.mu.Lock()
		s := made.current
		made.mu.Unlock()
		if s == nil {
			return false
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.last >= records
	})
}

// until waits for what can only be asked for.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it does not happen")
		}
	}
}

// TestAHungProgramIsStartedAgain answers nothing for a whole time-out, and is killed; one that answers others is not.
func TestAHungProgramIsStartedAgain(t *testing.T) {
	hung := filepath.Join(t.TempDir(), "hung")
	made := async(t, `[ -e "$1" ] && exec `+toAnswer+`; touch "$1"; read -r a; printf '%s\n' "$a" | `+toAnswer+`; exec sleep 1000`, hung)
	r, err := do(t.Context(), made, "first")
	wantValue(t, r, err, "first")
	ctx := newDeadline(t)
	timedOut, other := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := do(ctx, made, "a")
		timedOut <- err
	}()
	asked(t, made, 2)
	go func() {
		_, err := do(t.Context(), made, "b")
		other <- err
	}()
	asked(t, made, 3)
	close(ctx.done)
	wantFailure(t, <-timedOut, Retryable, "deadline")
	wantFailure(t, <-other, Retryable, "answered nothing for a whole time-out")
	r, err = do(t.Context(), made, "c")
	wantValue(t, r, err, "c")
}

// TestAProgramMayTakeItsTimeToStart: until its first answer it is not taken for hung.
func TestAProgramMayTakeItsTimeToStart(t *testing.T) {
	begin := filepath.Join(t.TempDir(), "go")
	if err := syscall.Mkfifo(begin, 0o600); err != nil {
		t.Fatal(err)
	}
	made := async(t, `read -r x < "$1"; exec `+toAnswer, begin)
	ctx := newDeadline(t)
	timedOut := make(chan error, 1)
	go func() {
		_, err := do(ctx, made, "a")
		timedOut <- err
	}()
	asked(t, made, 1)
	close(ctx.done)
	wantFailure(t, <-timedOut, Retryable, "deadline")
	loaded := made.current
	if err := os.WriteFile(begin, []byte("go\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := do(t.Context(), made, "b")
	wantValue(t, r, err, "b")
	if made.current != loaded {
		t.Error("it was started again")
	}
}

func TestTooManyRecordsLeftUnanswered(t *testing.T) {
	made := async(t, `cat >&2`)
	made.maxGivenUp = 2
	for i := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() {
			_, err := do(ctx, made, "a")
			first <- err
		}()
		asked(t, made, uint64(i+1))
		cancel()
		wantFailure(t, <-first, Retryable)
	}
	<-made.current.over
	if err := made.current.err; !strings.Contains(err.Error(), "left 3 timed-out records without an answer") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNotUTF8IsNoJSON(t *testing.T) {
	_, err := do(t.Context(), async(t, toAnswer), "\xff")
	wantFailure(t, err, Permanent, "not UTF-8")
}

// FuzzAnswer: whatever a program prints, it is refused, or says one thing.
func FuzzAnswer(f *testing.F) {
	for _, line := range []string{`{"id":1,"output":null}`, `{"id":2,"error":"x","retryable":true,"after":1}`, `{"id":1}`, `[]`, "", `{"id":1,"output":1}x`} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		a, err := parseAnswer(line)
		if err == nil && (a.Error == nil) == (a.Output == nil) {
			t.Errorf("%q: %+v", line, a)
		}
	})
}

func BenchmarkAsync(b *testing.B) {
	made := newAsyncPipe([]string{"sh", "-c", toAnswer}, 64)
	defer made.Close()
	b.SetParallelism(32)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := made.Do(context.Background(), Record{Input: []byte("record")}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
