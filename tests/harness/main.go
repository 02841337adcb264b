package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/client"

	"github.com/longhaul/longhaul/internal/devserver"
)

// What the tests of a package share: the programs, built from this tree, and one server. Each test has a namespace of its own on it.
var (
	LonghaulProgram string
	WorkerProgram   string
	TemporalProgram string
	Server          *devserver.Server
)

// Main runs a package's tests with what they share, and returns the exit status: for its TestMain.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "longhaul-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := setUp(dir); err != nil {
		fmt.Fprintln(os.Stderr, "set up:", err)
		return 1
	}
	defer Server.Close()
	return m.Run()
}

func setUp(dir string) error {
	if err := Programs(dir); err != nil {
		return err
	}
	state := filepath.Join(dir, "state")
	if err := FreePorts(state); err != nil {
		return err
	}
	var err error
	Server, err = devserver.Start(context.Background(), devserver.Options{StateDir: state, Client: client.Options{Logger: Quiet{}}})
	return err
}

// Programs builds longhaul and longhaul-worker into a folder, finds Temporal's own program, and keeps the user's configuration from all of them.
func Programs(dir string) error {
	for _, unset := range []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_PROFILE"} {
		os.Unsetenv(unset)
	}
	os.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(dir, "no-such-config.toml"))
	LonghaulProgram, WorkerProgram = filepath.Join(dir, "longhaul"), filepath.Join(dir, "longhaul-worker")
	for out, pkg := range map[string]string{LonghaulProgram: "starter", WorkerProgram: "worker"} {
		args := []string{"build"}
		if raceEnabled {
			args = append(args, "-race")
		}
		cmd := exec.Command("go", append(args, "-o", out, "github.com/longhaul/longhaul/"+pkg)...)
		if b, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, b)
		}
	}
	var err error
	TemporalProgram, err = devserver.Find()
	return err
}
