package task

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestNULFitsNoArgument(t *testing.T) {
	_, err := do(t.Context(), program(t, "echo", "{}"), "a\x00b")
	wantFailure(t, err, Permanent, "NUL")
}

func TestARecordTooLongForAnArgumentFailsForGood(t *testing.T) {
	_, err := do(t.Context(), program(t, "echo", "{}"), strings.Repeat("x", 4<<20))
	wantFailure(t, err, Permanent, "argument list too long")
}

func TestTooMuchOutputFailsForGood(t *testing.T) {
	bytes := strconv.Itoa(MaxResult + 1)
	r, err := do(t.Context(), program(t, "head", "-c", bytes, "/dev/zero"), "x")
	if err == nil {
		t.Fatalf("%d bytes were taken", len(r.Value))
	}
	wantFailure(t, err, Permanent, "it printed more than 64 MiB")
}

func TestOutputUpToTheLimitIsTaken(t *testing.T) {
	out := &limited{limit: 10}
	for _, s := range []string{"12345", "", "67890"} {
		if n, err := out.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("write %q: %d, %v", s, n, err)
		}
	}
	if out.exceeded {
		t.Error("exceeded by what fits")
	}
	if _, err := out.Write([]byte("x")); err == nil || !out.exceeded {
		t.Error("one byte more was taken")
	}
	if got := out.buf.String(); got != "1234567890" {
		t.Errorf("got %q", got)
	}
}

// fifo is a named pipe that a shell and its child hold open: the child's process id comes through it, and its end says that both are gone.
type fifo struct {
	path string
	f    *os.File
	r    *bufio.Reader
	pid  int
}

func newFifo(t *testing.T) *fifo {
	t.Helper()
	f := &fifo{path: filepath.Join(t.TempDir(), "fifo")}
	if err := syscall.Mkfifo(f.path, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// childScript is what the shell runs, with the path as its first argument.
const childScript = `exec 3>"$1"; sleep 1000 & echo $! >&3; wait`

// childRuns waits for the shell's child.
func (f *fifo) childRuns(t *testing.T) {
	t.Helper()
	var err error
	if f.f, err = os.Open(f.path); err != nil { // waits for the shell
		t.Fatal(err)
	}
	t.Cleanup(func() { f.f.Close() })
	if err := f.f.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	f.r = bufio.NewReader(f.f)
	text, err := f.r.ReadString('\n')
	pid, perr := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || perr != nil {
		t.Fatalf("got %q, %v, %v", text, err, perr)
	}
	f.pid = pid
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the child does not run: %v", err)
	}
}

// allEnded checks that the shell and its child are gone, or go.
func (f *fifo) allEnded(t *testing.T) {
	t.Helper()
	if rest, err := io.ReadAll(f.r); err != nil || len(rest) > 0 {
		syscall.Kill(f.pid, syscall.SIGKILL)
		t.Errorf("the child outlived its time: %q, %v", rest, err)
	}
}

// TestTimeoutKillsTheCommandAndItsChildren has a shell start a child that would outlive it.
func TestTimeoutKillsTheCommandAndItsChildren(t *testing.T) {
	f := newFifo(t)
	made := program(t, "sh", "-c", childScript, "sh", f.path)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := do(ctx, made, "x")
		ended <- err
	}()
	f.childRuns(t)
	cancel()
	err := <-ended
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantFailure(t, err, Retryable, "command sh")
	f.allEnded(t)
}

func TestACommandDoesNotStartAfterItsTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	started := filepath.Join(t.TempDir(), "started")
	if _, err := do(ctx, program(t, "touch", started), "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(started); err == nil {
		t.Error("it ran")
	}
}
