package workers

import (
	"os"
	"runtime/debug"

	"go.temporal.io/sdk/worker"
)

// ballast keeps the garbage collector from running for every few megabytes: a worker's live heap is small, and its garbage plenty. It is never
// written, so it takes address space and no memory. With a gcPercent of 33 the collector runs
// after some 10 MiB of garbage and a third of what lives: half of that costs 4 % of the rate of HTTP requests, twice as much gains 2 %.
var ballast = make([]byte, 32<<20)

const gcPercent = 33

func init() {
	_ = ballast
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
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
