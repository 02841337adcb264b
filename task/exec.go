package task

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// MaxResult bounds one result in bytes, since a result is held in memory.
const MaxResult = 64 << 20

// command runs a program for each record: its result is what the program prints.
type command struct {
	Command []string `json:"command"`

	stdin bool // no argument takes the record
}

// placeholder is what stands for the record in an argument.
const placeholder = "{}"

func newExec(c Config) (Task, error) {
	t := &command{}
	if err := decodeArgs(c.Args, t); err != nil {
		return nil, err
	}
	if err := checkCommand(t.Command); err != nil {
		return nil, err
	}
	t.stdin = !strings.Contains(strings.Join(t.Command[1:], "\n"), placeholder)
	return t, nil
}

// Check looks the program up.
func (t *command) Check() error { return lookUp(t.Command[0]) }

// waitDelay is how long a killed command's output pipes may stay open in the hands of processes that left its group.
const waitDelay = time.Second

func (t *command) Do(ctx context.Context, r Record) (Result, error) {
	args := t.Command[1:]
	if !t.stdin {
		record := string(r.Input)
		if strings.ContainsRune(record, 0) {
			return Result{}, Fail(Permanent, errors.New("the record contains a NUL byte, which no argument can"))
		}
		args = make([]string, len(t.Command)-1)
		for i, arg := range t.Command[1:] {
			args[i] = strings.ReplaceAll(arg, placeholder, record)
		}
	}
	cmd := exec.CommandContext(ctx, t.Command[0], args...)
	if t.stdin {
		cmd.Stdin = bytes.NewReader(append(bytes.Clone(r.Input), '\n'))
	}
	cmd.Env = append(os.Environ(), "LONGHAUL_RECORD="+strconv.FormatInt(r.Number, 10), "LONGHAUL_IDEMPOTENCY_KEY="+r.IdempotencyKey())
	out := &limited{limit: MaxResult}
	errs := &tailBuffer{}
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.SysProcAttr = processGroup()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = waitDelay
	err := cmd.Run()
	if out.exceeded {
		return Result{}, Fail(Permanent, fmt.Errorf("it printed more than %d MiB", MaxResult>>20))
	}
	if errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil {
		_ = cmd.Cancel() // what it left behind: there may be more with every record
		return Result{}, Fail(Permanent, fmt.Errorf("command %s: it ended, but processes that it started still held its output", t.Command[0]))
	}
	if err != nil {
		return Result{}, t.failure(ctx, err, errs.String())
	}
	return Result{Value: out.buf.Bytes()}, nil
}

// failure classifies how a command failed. Its exit status is the record's own matter, never a sign of an outage.
func (t *command) failure(ctx context.Context, err error, stderr string) error {
	if ctx.Err() != nil {
		return Fail(Retryable, fmt.Errorf("command %s: %w", t.Command[0], ctx.Err()))
	}
	class := Retryable
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
	case errors.Is(err, syscall.E2BIG), errors.Is(err, syscall.EINVAL):
		class = Permanent
	}
	if stderr != "" {
		err = fmt.Errorf("%w: %s", err, stderr)
	}
	return Fail(class, fmt.Errorf("command %s: %w", t.Command[0], err))
}

// limited keeps what is written up to a limit and fails the write that passes it. The buffer is not embedded: io.Copy would find its
// ReadFrom, which knows no limit.
type limited struct {
	buf      bytes.Buffer
	limit    int
	exceeded bool
}

func (l *limited) Write(b []byte) (int, error) {
	if l.buf.Len()+len(b) > l.limit {
		l.exceeded = true
		return 0, errors.New("too much output")
	}
	return l.buf.Write(b)
}

// tailBuffer keeps the end of what is written.
type tailBuffer struct{ b []byte }

const tailBytes = 1 << 10

func (t *tailBuffer) Write(b []byte) (int, error) {
	t.b = append(t.b, b...)
	if len(t.b) > 2*tailBytes {
		t.b = append(t.b[:0], t.b[len(t.b)-tailBytes:]...)
	}
	return len(b), nil
}

// String returns the end of the text, in one line.
func (t *tailBuffer) String() string {
	b := t.b[max(0, len(t.b)-tailBytes):]
	for len(b) > 0 && !utf8.RuneStart(b[0]) {
		b = b[1:]
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(b), "\uFFFD")), " ")
}
