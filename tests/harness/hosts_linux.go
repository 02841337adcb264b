package harness

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// NeedHosts skips a test where the system lets no process have a host name and process numbers of its own.
func NeedHosts(t *testing.T) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", `hostname other`)
	cmd.SysProcAttr = host()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("no UTS and PID namespaces here, so that there are no two hosts: %v %s", err, out)
	}
}

// OnHost starts a program as the first process, number 1, of a host of that name, which shares the files and the network of this one.
func (b *Bench) OnHost(name, program string, args ...string) *Process {
	b.T.Helper()
	return b.start(host(), "/bin/sh", append([]string{"-c", `hostname "$1" && shift && exec "$@"`, "sh", name, program}, args...)...)
}

func host() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUTS | syscall.CLONE_NEWPID}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return attr
}
