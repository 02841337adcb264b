package workers

import (
	"runtime/debug"

	"go.temporal.io/sdk/worker"
)

// ballast keeps the garbage collector from running for every few megabytes: a worker's live heap is small, and its garbage plenty. It is never
// written, so it takes address space and no memory; the heap may grow by as much again before the collector runs.
var ballast = make([]byte, 32<<20)

func init() {
	_ = ballast
	// The SDK would otherwise read and hash the whole program at each start.
	worker.SetBinaryChecksum(build())
}

// build names this build of the program.
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Path + "@" + info.Main.Version
}
