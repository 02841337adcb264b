package job

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
)

// IDOf derives a job's id from the absolute path of its output: its name, for people, and a hash of the path, so that the same
// command always means the same job.
func IDOf(output string) string {
	sum := sha256.Sum256([]byte(output))
	return "longhaul-" + strings.ToValidUTF8(filepath.Base(output), "_") + "-" + hex.EncodeToString(sum[:5])
}
