package devserver

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// child is a running server process.
type child struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// gcPercent has the server collect its garbage less often than Go does by default: for some 20 MiB of memory it takes a tenth less of the processor.
const gcPercent = "GOGC=300"

// startChild starts the program with its output going to a log file. Where the system can, it dies with this process, however that dies.
func startChild(program string, args []string, log string) (*child, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(program, args...), exited: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = out, out
	if os.Getenv("GOGC") == "" {
		c.cmd.Env = append(os.Environ(), gcPercent)
	}
	c.cmd.SysProcAttr = dieWithParent()
	started := make(chan error)
	go func() {
		// The signal that Linux sends at the parent's death follows the thread that forked, so that thread must live on.
		runtime.LockOSThread()
		err := c.cmd.Start()
		out.Close()
		started <- err
		if err == nil {
			_ = c.cmd.Wait()
			close(c.exited)
		}
	}()
	return c, <-started
}

// stop ends the process, gently for as long as grace.
func (c *child) stop(grace time.Duration) {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.exited:
		return
	case <-time.After(grace):
	}
	_ = c.cmd.Process.Kill()
	<-c.exited
}
