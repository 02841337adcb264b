package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// imageKiB is room for the programs.
const imageKiB = "262144"

// Image makes, in the folder of that name, what the Dockerfile makes: a root file system that holds the two programs, static, and nothing else, read-only but
// for /data and /tmp. It is for a test that is root, and for which InOwnMounts says true.
func (b *Bench) Image(name string) {
	b.T.Helper()
	b.Disk(name, imageKiB)
	for _, pkg := range []string{"starter", "worker"} {
		program := map[string]string{"starter": "longhaul", "worker": "longhaul-worker"}[pkg]
		cmd := exec.Command("go", "build", "-o", b.Path(filepath.Join(name, "usr/local/bin", program)), "github.com/longhaul/longhaul/"+pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.T.Fatalf("%s: %v\n%s", cmd, err, out)
		}
	}
	for _, folder := range []string{"data", "tmp"} {
		b.Disk(filepath.Join(name, folder), "16384")
		Must(b.T, os.Chmod(b.Path(filepath.Join(name, folder)), 0o777))
	}
	proc := b.Path(filepath.Join(name, "proc"))
	Must(b.T, os.Mkdir(proc, 0o755))
	Must(b.T, syscall.Mount("/proc", proc, "", syscall.MS_BIND|syscall.MS_REC, ""))
	b.T.Cleanup(func() { _ = syscall.Unmount(proc, syscall.MNT_DETACH) })
	Must(b.T, os.Chmod(b.Path(name), 0o755))
	b.ReadOnly(name, imageKiB)
}

// Contained starts a program of an image, as a user that is nobody in particular and may do nothing that others may not, with the environment Env alone.
func (b *Bench) Contained(image, program string, args ...string) *Process {
	b.T.Helper()
	attr := &syscall.SysProcAttr{Chroot: b.Path(image), Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	return b.start(attr, "/usr/local/bin/"+program, args...)
}
