package e2e

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

// What the tests share: the programs, built from this tree, and one server. Each test has a namespace of its own on it.
var (
	longhaulProgram string
	workerProgram   string
	temporalProgram string
	server          *devserver.Server
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "longhaul-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := setUp(dir); err != nil {
		fmt.Fprintln(os.Stderr, "set up:", err)
		return 1
	}
	defer server.Close()
	return m.Run()
}

func setUp(dir string) error {
	for _, unset := range []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_PROFILE"} {
		os.Unsetenv(unset)
	}
	os.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(dir, "no-such-config.toml"))
	longhaulProgram, workerProgram = filepath.Join(dir, "longhaul"), filepath.Join(dir, "longhaul-worker")
	for out, pkg := range map[string]string{longhaulProgram: "starter", workerProgram: "worker"} {
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
	if temporalProgram, err = devserver.Find(); err != nil {
		return err
	}
	state := filepath.Join(dir, "state")
	if err := freePorts(state); err != nil {
		return err
	}
	server, err = devserver.Start(context.Background(), devserver.Options{StateDir: state, Client: client.Options{Logger: quiet{}}})
	return err
}
