package e2e

import (
	"os"
	"syscall"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestTheProgramsNeedNothingButThemselves runs a worker and a job as the image of the Dockerfile does: static programs in a root file system that holds nothing
// else and cannot be written, not as root, with settings in the environment only.
func TestTheProgramsNeedNothingButThemselves(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may change the root file system")
	}
	if !harness.InOwnMounts(t) {
		return
	}
	const n = 500
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	b.Image("image")
	b.Write("image/data/in", harness.Lines(n))
	harness.Must(t, os.Chmod(b.Path("image/data/in"), 0o644))
	b.Env = []string{
		"PATH=/usr/local/bin", "HOME=/tmp", "TEMPORAL_ADDRESS=" + harness.Server.Address, "TEMPORAL_NAMESPACE=" + b.Namespace,
		"LONGHAUL_HEALTH=127.0.0.1:0", "LONGHAUL_METRICS=127.0.0.1:0",
	}
	worker := b.Contained("image", "longhaul-worker")
	p := b.Contained("image", "longhaul", "run", "/data/in", "--output", "/data/out", "--http", tg.Template())
	p.Ended(0)
	b.Same("image/data/out", harness.Oracle(n))
	b.Contained("image", "longhaul", "verify", "/data/out").Ended(0)
	worker.Signal(syscall.SIGTERM)
	worker.Ended(0)
	tg.Once(t, n)
	if _, err := os.Create(b.Path("image/x")); err == nil {
		t.Error("the root file system could be written")
	}
}
