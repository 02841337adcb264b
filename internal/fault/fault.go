// Package fault kills this process at a named step, for the tests of crash safety: LONGHAUL_FAULT=manifest.renamed:2 in the environment dies
// as by kill -9 when that step is passed for the second time. Without the variable a Point costs a comparison.
package fault

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Variable is the environment variable that names the step, and after a colon at which passing of it to die (by default the first).
const Variable = "LONGHAUL_FAULT"

var (
	step string
	left atomic.Int64
)

func init() { arm(os.Getenv(Variable)) }

func arm(value string) {
	name, times, _ := strings.Cut(value, ":")
	n, err := strconv.ParseInt(times, 10, 64)
	if err != nil {
		n = 1
	}
	step = name
	left.Store(n)
}

// Point is the step of that name.
func Point(name string) {
	if step == name && left.Add(-1) == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}
