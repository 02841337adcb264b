package task

import (
	"context"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// executable is a program that is run once for each record. It does what os/exec does, with less work for each run: the program is looked up, and
// the environment read, once; what it prints is read through small buffers that are used again.
type executable struct {
	name string
	env  []string

	mu   sync.Mutex
	path string // where name was found
	null *os.File
}

func newExecutable(name string) *executable {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, recordVariable) || strings.HasPrefix(v, keyVariable) // of the first of two, most programs would take it
	})
	return &executable{name: name, env: env}
}

// find answers where the program is, and what a command without standard input reads.
func (p *executable) find() (string, *os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	if p.path == "" {
		if p.path, err = exec.LookPath(p.name); err != nil {
			p.path = ""
			return "", nil, err
		}
	}
	if p.null == nil {
		p.null, err = os.Open(os.DevNull)
	}
	return p.path, p.null, err
}

// lost forgets where the program was: it may have moved.
func (p *executable) lost() {
	p.mu.Lock()
	p.path = ""
	p.mu.Unlock()
}

// Close lets go of what is kept from run to run.
func (p *executable) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.null != nil {
		p.null.Close()
		p.null = nil
	}
}

// waitDelay is how long the output of a program that ended may stay open in the hands of processes that left its group.
const waitDelay = time.Second

// run runs the program once, in a process group of its own, which is killed when ctx is done. stdin may be nil. Its errors are those of
// exec.Cmd.Run: exec.ErrWaitDelay where the program succeeded but other processes held its output.
func (p *executable) run(ctx context.Context, args, env []string, stdin []byte, out *limited, errs *tailBuffer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, in, err := p.find()
	if err != nil {
		return err
	}
	var feed, stdout, stderr *os.File // our ends
	var given []*os.File              // the program's
	shut := func(files ...*os.File) {
		for _, f := range files {
			if f != nil {
				f.Close()
			}
		}
	}
	if stdin != nil {
		if in, feed, err = os.Pipe(); err != nil {
			return err
		}
		given = append(given, in)
	}
	files := []*os.File{in}
	for _, end := range []**os.File{&stdout, &stderr} {
		var w *os.File
		if *end, w, err = os.Pipe(); err != nil {
			shut(append(given, feed, stdout, stderr)...)
			return err
		}
		given, files = append(given, w), append(files, w)
	}
	process, err := os.StartProcess(path, append([]string{p.name}, args...), &os.ProcAttr{
		Env: append(p.env[:len(p.env):len(p.env)], env...), Files: files, Sys: processGroup(),
	})
	shut(given...)
	if err != nil {
		shut(feed, stdout, stderr)
		p.lost()
		return err
	}
	defer shut(feed, stdout, stderr)

	copied := make(chan struct{}, 3)
	copies := 2
	go func() {
		if drain(stdout, out.Write) != nil {
			stdout.Close() // so that the program does not wait for a reader
		}
		copied <- struct{}{}
	}()
	go func() {
		_ = drain(stderr, errs.Write)
		copied <- struct{}{}
	}()
	if feed != nil {
		copies++
		go func() {
			_, _ = feed.Write(stdin) // a program need not read it
			feed.Close()
			copied <- struct{}{}
		}()
	}
	kill := func() { _ = syscall.Kill(-process.Pid, syscall.SIGKILL) }
	stop := context.AfterFunc(ctx, kill)
	state, err := process.Wait()
	stop()
	held, late := false, time.NewTimer(waitDelay)
	defer late.Stop()
	for copies > 0 {
		select {
		case <-copied:
			copies--
		case <-late.C:
			held = true
			kill() // there may be more of them with every record
			shut(feed, stdout, stderr)
		}
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil && !state.Success():
		return ctx.Err()
	case !state.Success():
		return &exec.ExitError{ProcessState: state}
	case held:
		return exec.ErrWaitDelay
	}
	return nil
}

// The environment of a command has its record's number and idempotency key.
const (
	recordVariable = "LONGHAUL_RECORD="
	keyVariable    = "LONGHAUL_IDEMPOTENCY_KEY="
)

// buffers are what programs' output is read through.
var buffers = sync.Pool{New: func() any { return new([4 << 10]byte) }}

// drain reads r to its end. An error is write's: r ends where it is closed, too.
func drain(r io.Reader, write func([]byte) (int, error)) error {
	buffer := buffers.Get().(*[4 << 10]byte)
	defer buffers.Put(buffer)
	for {
		n, err := r.Read(buffer[:])
		if _, werr := write(buffer[:n]); werr != nil {
			return werr
		}
		if err != nil {
			return nil
		}
	}
}
