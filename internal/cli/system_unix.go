//go:build linux || darwin

package cli

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// freeSpace is the bytes that may be written to the disk of a folder.
func freeSpace(folder string) (free uint64, known bool, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, true, fmt.Errorf("%s: %w", folder, err)
	}
	return uint64(s.Bavail) * uint64(s.Bsize), true, nil
}

// handleLimit is how many files this process may have open. Go has raised it as far as it may.
func handleLimit() (uint64, bool) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 0, false
	}
	return uint64(l.Cur), true
}
