package task

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// child is a program that lives on from record to record, in a process group of its own.
type child struct {
	name string
	cmd  *exec.Cmd
	// in is its standard input.
	in *os.File
	// out is its standard output; rd reads it.
	out  *os.File
	rd   *bufio.Reader
	errs tailBuffer // read after exited only

	exited chan struct{}
	err    error // of Wait; read after exited only
}

// endGrace is how long a program may take to end once its standard input is closed.
const endGrace = 5 * time.Second

// startChild starts a program.
func startChild(argv []string) (*child, error) {
	c := &child{name: argv[0], cmd: exec.Command(argv[0], argv[1:]...), exited: make(chan struct{})}
	stdin, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	out, stdout, err := os.Pipe()
	if err != nil {
		stdin.Close()
		in.Close()
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	c.in, c.out, c.rd = in, out, bufio.NewReaderSize(out, 64<<10)
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = stdin, stdout, &c.errs
	c.cmd.SysProcAttr = processGroup()
	c.cmd.WaitDelay = waitDelay
	err = c.cmd.Start()
	stdin.Close()
	stdout.Close()
	if err != nil {
		in.Close()
		out.Close()
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	go func() {
		c.err = c.cmd.Wait()
		c.killGroup() // what it left behind
		// What it wrote is in the pipe; no end of it comes where processes that left the group hold the other side.
		_ = c.out.SetReadDeadline(time.Now().Add(waitDelay))
		close(c.exited)
	}()
	return c, nil
}

func (c *child) killGroup() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) }

// kill ends the program and its children at once.
func (c *child) kill() {
	select {
	case <-c.exited:
	default:
		c.killGroup()
	}
}

// discard kills the program, waits for its end and lets go of it. It returns how it ended.
func (c *child) discard() error {
	c.kill()
	return c.release()
}

// release waits for the program's end and lets go of it. It returns how it ended.
func (c *child) release() error {
	<-c.exited
	c.in.Close()
	c.out.Close()
	return c.end()
}

// end says how the program ended, with the end of its standard error. It may be called after exited only.
func (c *child) end() error {
	err := c.err
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		err = errors.New("exit status 0")
	}
	if text := c.errs.String(); text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// finish lets the program end by itself, at the end of its standard input, and kills it where it does not within the grace.
func (c *child) finish(grace time.Duration) {
	c.in.Close()
	// What it still prints is nobody's; but it must not wait for a reader.
	drained := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, c.out)
		close(drained)
	}()
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-c.exited:
	case <-t.C:
		c.kill()
	}
	_ = c.release()
	<-drained
}

var errLongLine = fmt.Errorf("it printed a line of more than %d MiB", MaxResult>>20)

// readLine reads a line, without its line break. The line is the caller's. At the end of the output it answers io.EOF, or
// io.ErrUnexpectedEOF where that comes within a line.
func readLine(rd *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := rd.ReadSlice('\n')
		if len(line)+len(part) > MaxResult+1 {
			return nil, errLongLine
		}
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		default:
			line = line[:len(line)-1]
			if n := len(line); n > 0 && line[n-1] == '\r' {
				line = line[:n-1]
			}
			return line, nil
		}
	}
}

// checkCommand checks a program and its arguments.
func checkCommand(argv []string) error {
	if len(argv) == 0 || argv[0] == "" {
		return errors.New("args: command: missing")
	}
	for _, arg := range argv {
		if strings.ContainsRune(arg, 0) {
			return errors.New("args: command: an argument cannot contain a NUL byte")
		}
	}
	return nil
}

// lookUp looks for a program on this machine.
func lookUp(program string) error {
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("command %q: %w", program, errors.Unwrap(err))
	}
	return nil
}
