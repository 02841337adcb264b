//go:build !linux

package devserver

import "syscall"

// dieWithParent keeps the terminal's Ctrl-C from the child. Only Linux can also end it with a parent that is killed.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
