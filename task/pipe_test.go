package task

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// lines makes a pipe task of a command line.
func lines(t *testing.T, command ...string) Task {
	t.Helper()
	return builtin(t, "pipe", mustJSON(map[string]any{"command": command}))
}

// each feeds the program line by line in a shell: $l is the line.
func each(body string) []string {
	return []string{"sh", "-c", `while IFS= read -r l; do ` + body + `; done`}
}

func TestEachRecordGetsItsOwnAnswer(t *testing.T) {
	made := lines(t, each(`echo "$$ <$l>"`)...)
	var wait sync.WaitGroup
	var mu sync.Mutex
	programs := map[string]bool{}
	const atOnce = 4
	for worker := range atOnce {
		wait.Go(func() {
			for i := range 100 {
				record := fmt.Sprintf("%d %d  \\", worker, i)
				r, err := made.Do(t.Context(), Record{Input: []byte(record)})
				pid, text, _ := strings.Cut(string(r.Value), " ")
				if want := "<" + record + ">"; err != nil || text != want {
					t.Errorf("got %q, %v, want %q", text, err, want)
				}
				mu.Lock()
				programs[pid] = true
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if len(programs) > atOnce {
		t.Errorf("%d programs for %d records at once", len(programs), atOnce)
	}
}

func TestLinesOfPrograms(t *testing.T) {
	for name, c := range map[string]struct {
		command      []string
		record, want string
	}{
		"an empty line":       {[]string{"cat"}, "", ""},
		"bytes of no text":    {[]string{"cat"}, "\x00\xff\r", "\x00\xff"},
		"CRLF":                {each(`printf '%s\r\n' "$l"`), "x", "x"},
		"more than the pipes": {[]string{"cat"}, strings.Repeat("x", 4<<20), strings.Repeat("x", 4<<20)},
		"a known program":     {[]string{"sed", "-u", "s/a/b/"}, "banana", "bbnana"},
	} {
		t.Run(name, func(t *testing.T) {
			made := lines(t, c.command...)
			for range 2 {
				r, err := do(t.Context(), made, c.record)
				wantValue(t, r, err, c.want)
			}
		})
	}
}

func TestAnObjectGoesAsOneLine(t *testing.T) {
	r, err := lines(t, "cat").Do(t.Context(), Record{Input: []byte("{\n \"a\": \"<b>\\n\"}"), JSON: true})
	wantValue(t, r, err, `{"a":"<b>\n"}`)
}

func TestALineBreakFitsNoLine(t *testing.T) {
	_, err := do(t.Context(), lines(t, "cat"), "a\nb")
	wantFailure(t, err, Permanent, "line break", "--pipe=async")
}

func TestADeadProgramIsStartedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"with a record in hand":        {`[ "$l" = bad ] && { echo why >&2; exit 3; }; echo "$l"`, []string{"ended without an answer", "exit status 3: why"}},
		"in the middle of a line":      {`[ "$l" = bad ] && { printf half; exit; }; echo "$l"`, []string{"ended without an answer", "exit status 0"}},
		"by a signal":                  {`[ "$l" = bad ] && kill -9 $$; echo "$l"`, []string{"signal: killed"}},
		"it closes its output instead": {`[ "$l" = bad ] && { exec >&-; exec sleep 1000; }; echo "$l"`, []string{"ended without an answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			made := lines(t, each(c.body)...)
			for range 2 {
				r, err := do(t.Context(), made, "good")
				wantValue(t, r, err, "good")
				_, err = do(t.Context(), made, "bad")
				wantFailure(t, err, Retryable, append(c.want, "program sh")...)
			}
		})
	}
}

// TestAProgramThatEndsBetweenRecordsCostsNoTry: the next record goes to a new one.
func TestAProgramThatEndsBetweenRecordsCostsNoTry(t *testing.T) {
	made := lines(t, "sh", "-c", `read -r l; echo "$$ $l"`)
	first, err := do(t.Context(), made, "x")
	if err != nil {
		t.Fatal(err)
	}
	<-made.(*linePipe).idle[0].exited
	second, err := do(t.Context(), made, "x")
	if err != nil || bytes.Equal(first.Value, second.Value) {
		t.Errorf("got %q and %q, %v", first.Value, second.Value, err)
	}
}

func TestMoreLinesThanRecordsAreFoundOut(t *testing.T) {
	for name, body := range map[string]string{
		"at once":     `printf 'a\nb\n'`,
		"at its end":  `echo a; echo b; exit`,
		"half a line": `printf 'a\nb'`,
	} {
		t.Run(name, func(t *testing.T) {
			made := lines(t, each(body)...)
			_, err := do(t.Context(), made, "x")
			if err == nil { // the second line came later
				<-made.(*linePipe).idle[0].exited
				_, err = do(t.Context(), made, "x")
			}
			wantFailure(t, err, Permanent, "more than one line", `begins "b"`, "--overwrite")
			_, err = do(t.Context(), made, "y")
			wantFailure(t, err, Permanent, "more than one line")
		})
	}
}

// deadline is a context whose time-out the test decides.
type deadline struct {
	context.Context
	done chan struct{}
}

func newDeadline(t *testing.T) deadline { return deadline{t.Context(), make(chan struct{})} }

func (d deadline) Done() <-chan struct{} { return d.done }

func (d deadline) Err() error {
	select {
	case <-d.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func TestATimeoutKillsTheProgramAndItsChildren(t *testing.T) {
	for _, mode := range []string{pipeLines, pipeAsync} {
		t.Run(mode, func(t *testing.T) {
			fifo := newFifo(t)
			made := builtin(t, "pipe", mustJSON(map[string]any{
				"mode": mode, "command": []string{"sh", "-c", `read -r l; echo '{"id":1,"output":1}'; read -r l; ` + childScript, "sh", fifo.path},
			}))
			if _, err := do(t.Context(), made, "x"); err != nil {
				t.Fatal(err)
			}
			ctx := newDeadline(t)
			ended := make(chan error, 1)
			go func() {
				_, err := do(ctx, made, "x")
				ended <- err
			}()
			fifo.childRuns(t)
			close(ctx.done)
			err := <-ended
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			wantFailure(t, err, Retryable, "program sh")
			fifo.allEnded(t)
		})
	}
}

func TestAPipeDoesNotBeginAfterItsTime(t *testing.T) {
	for _, mode := range []string{pipeLines, pipeAsync} {
		t.Run(mode, func(t *testing.T) {
			started := filepath.Join(t.TempDir(), "started")
			made := builtin(t, "pipe", mustJSON(map[string]any{"mode": mode, "command": []string{"touch", started}}))
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := do(ctx, made, "x"); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if _, err := os.Stat(started); err == nil {
				t.Error("it ran")
			}
		})
	}
}

// TestProgramsMayFinish: at the task's end a program reads the end of its input and may write what it has to.
func TestProgramsMayFinish(t *testing.T) {
	for _, mode := range []string{pipeLines, pipeAsync} {
		t.Run(mode, func(t *testing.T) {
			done := filepath.Join(t.TempDir(), "done")
			made, err := newPipe(Config{Concurrency: 1, Args: []byte(mustJSON(map[string]any{
				"mode":    mode,
				"command": []string{"sh", "-c", `while read -r l; do echo '{"id":1,"output":"x"}'; done; echo bye; echo bye > "$1"`, "sh", done},
			}))})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := do(t.Context(), made, "x"); err != nil {
				t.Fatal(err)
			}
			made.(interface{ Close() }).Close()
			if b, err := os.ReadFile(done); string(b) != "bye\n" {
				t.Errorf("got %q, %v", b, err)
			}
		})
	}
}

func TestBadPipeArguments(t *testing.T) {
	for name, c := range map[string]struct{ args, want string }{
		"no command":    {`{}`, "command: missing"},
		"empty command": {`{"command":[""]}`, "command: missing"},
		"NUL":           {`{"command":["a","\u0000"]}`, "NUL"},
		"unknown mode":  {`{"command":["a"],"mode":"fast"}`, `mode: "fast" is neither "lines" nor "async"`},
		"unknown field": {`{"command":["a"],"shell":true}`, `unknown field "shell"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Builtin().New("pipe", Config{Args: []byte(c.args)})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAPipeWithoutItsProgram(t *testing.T) {
	for _, mode := range []string{pipeLines, pipeAsync} {
		t.Run(mode, func(t *testing.T) {
			made := builtin(t, "pipe", mustJSON(map[string]any{"mode": mode, "command": []string{"no-such-program"}}))
			if err := made.(interface{ Check() error }).Check(); err == nil || !strings.Contains(err.Error(), "no-such-program") {
				t.Errorf("got %v", err)
			}
			_, err := do(t.Context(), made, "x")
			wantFailure(t, err, Retryable, "no-such-program")
		})
	}
}

func BenchmarkLines(b *testing.B) {
	made, err := newPipe(Config{Args: []byte(`{"command":["cat"]}`)})
	if err != nil {
		b.Fatal(err)
	}
	defer made.(interface{ Close() }).Close()
	for b.Loop() {
		if _, err := made.Do(context.Background(), Record{Input: []byte("record")}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestProgramsAreAsManyAsTheCap lowers it while programs are at work, and raises it again.
func TestProgramsAreAsManyAsTheCap(t *testing.T) {
	dir := t.TempDir()
	made, err := newPipe(Config{Concurrency: 4, Args: []byte(mustJSON(map[string]any{ // a program has a file while it lives
		"command": []string{"sh", "-c", `: > "$1/$$"; while read -r l; do while [ ! -e "$1/go" ]; do sleep 0.01; done; echo "$l"; done; rm "$1/$$"`, "sh", dir},
	}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.(interface{ Close() }).Close)
	living := func() int {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.Name() == "go" }))
	}
	run := func(records, want int, meanwhile func()) {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, "go")); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for range records {
			wait.Go(func() {
				if _, err := do(t.Context(), made, "x"); err != nil {
					t.Error(err)
				}
			})
		}
		until(t, func() bool { return living() == records })
		meanwhile()
		if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		wait.Wait()
		until(t, func() bool { return living() == want })
	}
	resize := made.(Resizable).Resize
	run(4, 4, func() {})
	run(4, 2, func() { resize(2) }) // those that come back
	resize(1)                       // those that wait
	until(t, func() bool { return living() == 1 })
	run(3, 3, func() { resize(3) })
}
