//go:build !linux && !darwin

package cli

// freeSpace knows nothing here.
func freeSpace(string) (free uint64, known bool, err error) { return 0, false, nil }

// handleLimit knows nothing here.
func handleLimit() (uint64, bool) { return 0, false }
