package workers

import (
	"os"
	"runtime/debug"
	"sync"

	"go.temporal.io/sdk/worker"
)

// ballast keeps the garbage collector from running for every few megabytes: a worker's live heap is small, and its garbage plenty. It is never
// written, so it takes address space and no memory.
var ballast = make([]byte, 16<<20)

// With ballast and gcPercent the collector runs after some 5 MiB of garbage. A task that does I/O makes so much more of it (2 KiB an HTTP request, where
// the task echo makes 60 bytes a record) that busyPercent, some 14 MiB, is worth 6 % of the rate of requests.
const (
	gcPercent   = 20
	busyPercent = 66
)

// busy is called when a task other than an instant one is about to run.
var busy = sync.OnceFunc(func() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(busyPercent)
	}
})

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
