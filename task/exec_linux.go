package task

import "syscall"

// processGroup puts a command into a process group of its own, to be killed as one, and lets it die with the worker.
func processGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
