package workers

import (
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// identifyVariable has the test program say who it is, and live until its standard input ends.
const identifyVariable = "LONGHAUL_TEST_IDENTIFY"

func TestMain(m *testing.M) {
	if os.Getenv(identifyVariable) != "" {
		fmt.Println(Identity())
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
