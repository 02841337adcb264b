package harness

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// insideVariable tells a test that it runs in a mount namespace of its own.
const insideVariable = "LONGHAUL_TEST_MOUNTS"

// InOwnMounts has a test mount file systems that nobody else sees: outside of a mount namespace it runs the test once more, in a process that
// has one, reports how that went, and returns false. Where the system lets no such process be, the test is skipped.
func InOwnMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVariable) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	runtime.LockOSThread() // whose end the signal would follow
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil && strings.Contains(string(out), "--- PASS: "+t.Name()):
		t.Logf("in a mount namespace:\n%s", out)
	case err == nil || errors.As(err, &exit):
		t.Errorf("in a mount namespace: %v\n%s", err, out)
	default:
		t.Skipf("no mount namespace here, so that no disk can be filled or made read-only: %v", err)
	}
	return false
}

// Disk mounts a file system of so many KiB in memory, in the folder of that name, for a test for which InOwnMounts says true.
func (b *Bench) Disk(name, kib string) {
	b.T.Helper()
	Must(b.T, os.Mkdir(b.Path(name), 0o700))
	b.mount(name, 0, kib)
	b.T.Cleanup(func() { _ = syscall.Unmount(b.Path(name), syscall.MNT_DETACH) })
}

// Resize gives a disk another size.
func (b *Bench) Resize(name, kib string) { b.T.Helper(); b.mount(name, syscall.MS_REMOUNT, kib) }

// ReadOnly makes a disk read-only.
func (b *Bench) ReadOnly(name, kib string) {
	b.T.Helper()
	b.mount(name, syscall.MS_REMOUNT|syscall.MS_RDONLY, kib)
}

func (b *Bench) mount(name string, flags uintptr, kib string) {
	b.T.Helper()
	Must(b.T, syscall.Mount("tmpfs", b.Path(name), "tmpfs", flags, "size="+kib+"k"))
}
