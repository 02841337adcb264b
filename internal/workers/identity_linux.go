package workers

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
)

// place tells the boot of the machine and the PID namespace.
func place() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	namespace, err2 := os.Readlink("/proc/self/ns/pid")
	if err != nil || err2 != nil {
		return "pid" + strconv.Itoa(os.Getpid()) + "-" + startOfSelf() // one of its own: nobody knows anything of another
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(string(boot)) + " " + namespace))
	return hex.EncodeToString(sum[:6])
}

// startOfSelf is when this process started, in clock ticks since the machine's boot.
func startOfSelf() string {
	start, _, _ := parseStat(os.ReadFile("/proc/self/stat"))
	return start
}

// startOf returns when a process started, and whether it has ended and only waits for its parent to notice. It is not known where /proc is not
// that of this process's own PID namespace, or hides the process.
func startOf(pid int) (start string, ended, known bool) {
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return "", false, false
	}
	return parseStat(os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"))
}

// parseStat reads state and start time, fields 3 and 22 of proc_pid_stat(5). The second field, the program's name in parentheses, may contain
// anything.
func parseStat(stat []byte, err error) (start string, ended, known bool) {
	end := strings.LastIndexByte(string(stat), ')')
	if err != nil || end < 0 {
		return "", false, false
	}
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 20 {
		return "", false, false
	}
	return fields[19], fields[0] == "Z" || fields[0] == "X", true
}
