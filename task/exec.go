package task

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"
)

// MaxResult bounds one result in bytes, since a result is held in memory.
const MaxResult = 64 << 20

// command runs a program for each record: its result is what the program prints.
type command struct {
	Command []string `json:"command"`
	// Shell is a text for sh instead. It is never changed: the record is its $1.
	Shell string `json:"shell"`
	// FatalExit is the exit statuses after which another try would fail in the same way, as in "2,64-78".
	FatalExit string `json:"fatalExit"`

	argument bool   // an argument takes the record
	stdin    bool   // the standard input takes it
	fatal    []bool // by status
	program  *executable

	maxResult int64
}

// What stands for the record, and for its number, in an argument.
const (
	placeholder       = "{}"
	numberPlaceholder = "{#}"
)

func newExec(c Config) (Task, error) {
	t := &command{maxResult: c.maxResult()}
	if err := decodeArgs(c.Args, t); err != nil {
		return nil, err
	}
	if t.Shell != "" {
		if len(t.Command) > 0 {
			return nil, errors.New("args: command and shell: choose one")
		}
		t.argument, t.stdin = shellArgument.MatchString(t.Shell), true
		t.Command = []string{"sh", "-c", t.Shell, "sh"}
	} else {
		t.argument = len(t.Command) > 0 && strings.Contains(strings.Join(t.Command[1:], "\n"), placeholder)
		t.stdin = !t.argument
	}
	if err := checkCommand(t.Command); err != nil {
		return nil, err
	}
	var err error
	if t.fatal, err = exitStatuses(t.FatalExit); err != nil {
		return nil, fmt.Errorf("args: fatalExit: %w", err)
	}
	t.program = newExecutable(t.Command[0])
	return t, nil
}

// shellArgument finds where a text for sh uses its first argument.
var shellArgument = regexp.MustCompile(`\$\{?[1@*]`)

// exitStatuses reads a list such as "2,64-78".
func exitStatuses(list string) (set []bool, err error) {
	if list == "" {
		return make([]bool, 256), nil
	}
	set, bad := numbers(list, 1, 255)
	if set == nil {
		err = fmt.Errorf("%q is no exit status and no range of them (want 1 to 255, as in 2,64-78)", bad)
	}
	return set, err
}

// Check looks the program up.
func (t *command) Check() error { return lookUp(t.Command[0]) }

// Close lets go of what is kept from record to record.
func (t *command) Close() { t.program.Close() }

func (t *command) Do(ctx context.Context, r Record) (Result, error) {
	args, err := t.arguments(r)
	if err != nil {
		return Result{}, Fail(Permanent, err)
	}
	var stdin []byte
	if t.stdin {
		stdin = append(bytes.Clone(r.Input), '\n')
	}
	env := []string{recordVariable + strconv.FormatInt(r.Number, 10), keyVariable + r.IdempotencyKey()}
	out, errs := &limited{limit: int(t.maxResult)}, &tailBuffer{}
	err = t.program.run(ctx, args, env, stdin, out, errs)
	if out.exceeded {
		return Result{}, Fail(Permanent, fmt.Errorf("it printed more than %s", size(t.maxResult)))
	}
	if errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil {
		return Result{}, Fail(Permanent, fmt.Errorf("command %s: it ended, but processes that it started still held its output", t.Command[0]))
	}
	if err != nil {
		return Result{}, t.failure(ctx, err, errs.String())
	}
	return Result{Value: out.buf.Bytes()}, nil
}

// arguments puts the record and its number in their places.
func (t *command) arguments(r Record) ([]string, error) {
	var record string
	if t.argument {
		record = string(r.Input)
		if strings.ContainsRune(record, 0) {
			return nil, errors.New("the record contains a NUL byte, which no argument can")
		}
	}
	if t.Shell != "" {
		args := slices.Clone(t.Command[1:])
		if t.argument {
			args = append(args, record)
		}
		return args, nil
	}
	args := make([]string, len(t.Command)-1)
	places := strings.NewReplacer(placeholder, record, numberPlaceholder, strconv.FormatInt(r.Number, 10))
	for i, arg := range t.Command[1:] {
		args[i] = places.Replace(arg)
	}
	return args, nil
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
		if status := exit.ExitCode(); status >= 0 && t.fatal[status&0xff] { // it is -1 after a signal
			class = Permanent
		}
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
