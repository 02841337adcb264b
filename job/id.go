package job

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
)

// IDOf derives a job's id from the absolute path of its output: its name, for people, and a hash of the path, so that the same
// command always means the same job.
func IDOf(output string) string {
	sum := sha256.Sum256([]byte(output))
	return "longhaul-" + filepath.Base(output) + "-" + hex.EncodeToString(sum[:5])
}
