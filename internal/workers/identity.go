package workers

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Identity is the name under which this process works: longhaul-PID-START@HOST/PLACE. START is when the process started and PLACE the boot of the
// machine and the namespace that PID belongs to, as far as the system tells them. By it others at that place can tell whether the process
// still lives, and those elsewhere that they cannot: containers may share a host name, and numbers of processes come again.
func Identity() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("longhaul-%d-%s@%s/%s", os.Getpid(), startOfSelf(), host, place())
}

// dead says whether an identity is that of a longhaul process at this process's place that lives no more. Of processes elsewhere it knows nothing.
func dead(identity string) bool {
	host, _ := os.Hostname()
	rest, ours := strings.CutPrefix(identity, "longhaul-")
	process, at, found := strings.Cut(rest, "@")
	number, start, timed := strings.Cut(process, "-")
	pid, err := strconv.Atoi(number)
	if !ours || !found || !timed || at != host+"/"+place() || err != nil || pid <= 0 {
		return false
	}
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	now, ended, known := startOf(pid)
	return known && (ended || now != start)
}
