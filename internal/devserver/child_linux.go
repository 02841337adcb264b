package devserver

import "syscall"

// dieWithParent has the kernel kill the child when this process dies (prctl(2), PR_SET_PDEATHSIG), and keeps the terminal's Ctrl-C from it.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
