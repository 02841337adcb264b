//go:build !linux

package task

import "syscall"

// processGroup puts a command into a process group of its own, to be killed as one.
func processGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
