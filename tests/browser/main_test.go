package browser

import (
	"os"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
