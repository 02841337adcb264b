package input

import (
	"testing"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// TestOpenRefusesAFileThatDoesNotRead takes a regular file whose first byte nobody can read: that of the memory at address 0.
func TestOpenRefusesAFileThatDoesNotRead(t *testing.T) {
	const want = "read input /proc/self/mem: input/output error (check the path and its permissions on the worker's machine)"
	if _, err := identify(fsys.OSInputs, "/proc/self/mem"); job.KindOf(err) != job.InputUnreadable || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
