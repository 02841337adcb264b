package task

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
)

// The modes of a pipe. docs/pipe.md describes both for users.
const (
	pipeLines = "lines"
	pipeAsync = "async"
)

// newPipe makes the task of programs that live on from record to record.
func newPipe(c Config) (Task, error) {
	args := struct {
		Command []string `json:"command"`
		Mode    string   `json:"mode"`
	}{Mode: pipeLines}
	if err := decodeArgs(c.Args, &args); err != nil {
		return nil, err
	}
	if err := checkCommand(args.Command); err != nil {
		return nil, err
	}
	switch args.Mode {
	case pipeLines:
		return &linePipe{command: args.Command, most: c.Concurrency}, nil
	case pipeAsync:
		return newAsyncPipe(args.Command, c.Concurrency), nil
	}
	return nil, fmt.Errorf("args: mode: %q is neither %q nor %q", args.Mode, pipeLines, pipeAsync)
}

// linePipe feeds programs a line for a record, and takes the line that each answers for the result. A program has one record in hand at a
// time; there are as many programs as records in flight.
type linePipe struct {
	command []string

	mu     sync.Mutex
	most   int // programs
	busy   int // of them, or about to be started
	idle   []*child
	closed bool
	broken error // what a program did after which no answer can be trusted
	ending sync.WaitGroup
}

// Lasting implements task.Lasting.
func (t *linePipe) Lasting() {}

// Check looks the program up.
func (t *linePipe) Check() error { return lookUp(t.command[0]) }

func (t *linePipe) Do(ctx context.Context, r Record) (Result, error) {
	line, err := lineOf(r)
	if err != nil {
		return Result{}, Fail(Permanent, err)
	}
	if ctx.Err() != nil {
		return Result{}, Fail(Retryable, ctx.Err())
	}
	c, err := t.take()
	if err != nil {
		return Result{}, err
	}
	kept := false
	defer func() {
		if !kept {
			t.lost()
		}
	}()
	answer, err := exchange(ctx, c, line)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		_ = c.discard()
		return Result{}, Fail(Retryable, fmt.Errorf("program %s: %w", c.name, ctx.Err()))
	case ended(err):
		return Result{}, Fail(Retryable, fmt.Errorf("program %s: it ended without an answer: %w", c.name, c.discard()))
	default:
		_ = c.discard()
		class := Retryable
		if errors.Is(err, errLongLine) {
			class = Permanent
		}
		return Result{}, Fail(class, fmt.Errorf("program %s: %w", c.name, err))
	}
	if c.rd.Buffered() > 0 {
		return Result{}, t.strayed(c)
	}
	t.put(c)
	kept = true
	return Result{Value: answer}, nil
}

// lineOf makes a record a line, with its line break.
func lineOf(r Record) ([]byte, error) {
	line := bytes.NewBuffer(make([]byte, 0, len(r.Input)+1))
	if r.JSON {
		if err := json.Compact(line, r.Input); err != nil {
			return nil, err
		}
	} else {
		line.Write(r.Input)
	}
	if bytes.IndexByte(line.Bytes(), '\n') >= 0 {
		return nil, errors.New("the record has a line break, so it cannot be one line of a program's input; use --pipe=async")
	}
	line.WriteByte('\n')
	return line.Bytes(), nil
}

// take returns a program without a record, one that waits or a new one, which is to be put back or lost.
func (t *linePipe) take() (*child, error) {
	for {
		t.mu.Lock()
		broken := t.broken
		var c *child
		if n := len(t.idle); n > 0 && broken == nil {
			c, t.idle = t.idle[n-1], t.idle[:n-1]
		}
		if broken == nil {
			t.busy++
		}
		t.mu.Unlock()
		if broken != nil {
			return nil, broken
		}
		if c == nil {
			c, err := startChild(t.command)
			if err != nil {
				t.lost()
				return nil, Fail(Retryable, err)
			}
			return c, nil
		}
		alive, stray := peek(c)
		if alive && !stray {
			return c, nil
		}
		t.lost()
		if stray {
			return nil, t.strayed(c)
		}
		_ = c.discard() // it ended between two records: no harm done
	}
}

// put keeps a program for the next record.
func (t *linePipe) put(c *child) {
	t.mu.Lock()
	t.busy--
	closed := t.closed
	if !closed {
		t.idle = append(t.idle, c)
		t.trim()
	}
	t.mu.Unlock()
	if closed {
		c.finish(endGrace)
	}
}

// lost takes note that a program is not put back.
func (t *linePipe) lost() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy--
}

// trim lets programs end that are too many. The lock is held.
func (t *linePipe) trim() {
	for len(t.idle) > 0 && t.busy+len(t.idle) > max(1, t.most) {
		c := t.idle[0]
		t.idle = t.idle[1:]
		t.ending.Go(func() { c.finish(endGrace) })
	}
}

// Resize implements Resizable.
func (t *linePipe) Resize(concurrency int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.most = concurrency
	if !t.closed {
		t.trim()
	}
}

// strayed gives the task up: a program printed more lines than it was given records, so an answer may have been that of another record.
func (t *linePipe) strayed(c *child) error {
	c.kill()
	line, _ := c.rd.ReadSlice('\n')
	_ = c.discard()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.broken == nil {
		t.broken = Fail(Permanent, fmt.Errorf(
			"program %s: it printed more than one line for a record (the further one begins %.100q), so that its answers may stand at the wrong records; "+
				"mend it and begin the output anew with --overwrite", c.name, bytes.TrimRight(line, "\r\n")))
	}
	return t.broken
}

// Close lets the programs end.
func (t *linePipe) Close() {
	t.mu.Lock()
	idle := t.idle
	t.idle, t.closed = nil, true
	t.mu.Unlock()
	var wait sync.WaitGroup
	for _, c := range idle {
		wait.Go(func() { c.finish(endGrace) })
	}
	wait.Wait()
	t.ending.Wait()
}

// exchange gives a program a line and reads the one that it answers. A context that ends kills the program.
func exchange(ctx context.Context, c *child, line []byte) ([]byte, error) {
	stop := context.AfterFunc(ctx, c.kill)
	answer, err := converse(c, line)
	if !stop() {
		return nil, ctx.Err() // it is dead, whatever it answered
	}
	return answer, err
}

// pipeBytes is how much fits into a pipe for certain, so that writing it to a program that waits for it does not block (pipe(7)).
const pipeBytes = 4096

// converse writes a line and reads the answer: at the same time where the program may begin to answer before it has read all.
func converse(c *child, line []byte) ([]byte, error) {
	if len(line) <= pipeBytes {
		if _, err := c.in.Write(line); err != nil {
			return nil, err
		}
		return readLine(c.rd)
	}
	written := make(chan error, 1)
	go func() {
		_, err := c.in.Write(line)
		written <- err
	}()
	answer, err := readLine(c.rd)
	if err != nil {
		c.kill() // it reads no more
	}
	if werr := <-written; err == nil {
		err = werr
	}
	return answer, err
}

// ended says whether an error of reading from or writing to a program is that of its end.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrDeadlineExceeded)
}

// peek tells of a program without a record whether it lives, and whether it has printed what nobody asked for. It does not wait.
func peek(c *child) (alive, stray bool) {
	raw, err := c.out.SyscallConn()
	if err != nil {
		return false, false
	}
	var b [1]byte
	n, rerr := 0, error(nil)
	err = raw.Read(func(fd uintptr) bool {
		n, rerr = syscall.Read(int(fd), b[:])
		return true
	})
	if n > 0 {
		c.rd.Reset(io.MultiReader(bytes.NewReader(b[:n]), c.out))
		return false, true
	}
	select {
	case <-c.exited:
		return false, false
	default:
		return err == nil && errors.Is(rerr, syscall.EAGAIN), false
	}
}
