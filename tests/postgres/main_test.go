package postgres

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/longhaul/longhaul/tests/harness"
)

// programs is the folder of temporal-server, temporal-sql-tool, temporal-ui and temporal-ui.yaml.
var programs = flag.String("programs", "", "folder of Temporal's own programs; without it nothing is tested")

func TestMain(m *testing.M) {
	flag.Parse()
	if *programs == "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "longhaul-postgres-")
	if err == nil {
		err = harness.Programs(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "set up:", err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dir)
	if err := goleak.Find(); status == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}
