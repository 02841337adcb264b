package workers

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// other starts another process and returns it with its identity.
func other(t *testing.T, attr *syscall.SysProcAttr) (cmd *exec.Cmd, identity string) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), identifyVariable+"=1")
	cmd.SysProcAttr = attr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		if attr != nil {
			t.Skipf("no PID namespace here: %v", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	identity, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, strings.TrimSpace(identity)
}

func TestALivingProcessIsNotDead(t *testing.T) {
	_, identity := other(t, nil)
	if dead(identity) {
		t.Errorf("%s lives", identity)
	}
	if dead(Identity()) {
		t.Errorf("%s is this process", Identity())
	}
}

func TestAKilledProcessIsDead(t *testing.T) {
	cmd, identity := other(t, nil)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if !dead(identity) {
		t.Errorf("%s has ended, though its parent has not noticed", identity)
	}
	_ = cmd.Wait()
	if !dead(identity) {
		t.Errorf("%s is no more", identity)
	}
}

// The number of a dead process is taken by an unrelated one, which started at another time.
func TestARecycledNumberIsOfADeadProcess(t *testing.T) {
	_, identity := other(t, nil)
	process, at, _ := strings.Cut(identity, "@")
	cut := strings.LastIndexByte(process, '-')
	start, err := strconv.Atoi(process[cut+1:])
	if err != nil {
		t.Fatal(err)
	}
	if earlier := fmt.Sprintf("%s-%d@%s", process[:cut], start-1, at); !dead(earlier) {
		t.Errorf("%s was another process than %s", earlier, identity)
	}
}

// A process in a container lives on though no process here has its number, and a number that it shares says nothing.
func TestAProcessOfAnotherNamespaceIsNotKnown(t *testing.T) {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
	}
	_, identity := other(t, attr)
	if !strings.HasPrefix(identity, "longhaul-1-") {
		t.Fatalf("%s is not the first of its namespace", identity)
	}
	if dead(identity) {
		t.Errorf("%s lives, elsewhere", identity)
	}
	for _, gone := range []string{strings.Replace(identity, "longhaul-1-", "longhaul-4194304-", 1), identity + "0"} {
		if dead(gone) {
			t.Errorf("%s is known to be dead", gone)
		}
	}
	_, twin := other(t, attr)
	if twin == identity {
		t.Errorf("two processes are %s", twin)
	}
}

func TestOtherWorkersAreNotKnown(t *testing.T) {
	for _, identity := range []string{
		"", "longhaul-", "1234@vm@", "longhaul-4194304@" + hostname(t), "longhaul-x-1@" + hostname(t) + "/" + place(), "longhaul--1-1@" + hostname(t) + "/" + place(),
		"longhaul-4194304-1@elsewhere/" + place(), "longhaul-4194304-1@" + hostname(t) + "/000000000000",
	} {
		if dead(identity) {
			t.Errorf("%q is known to be dead", identity)
		}
	}
	if gone := "longhaul-4194304-1@" + hostname(t) + "/" + place(); !dead(gone) { // beyond the highest number that there can be
		t.Errorf("%q is not dead", gone)
	}
}

func TestStatIsReadWhateverTheProgramIsCalled(t *testing.T) {
	const rest = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20"
	for stat, want := range map[string]string{
		"12 (sh) S" + rest: "4711 false true", "12 (a) R (b) Z) S" + rest: "4711 false true", "12 (sh) Z" + rest: "4711 true true",
		"12 (sh) S 1 2": " false false", "": " false false", "12 (sh": " false false",
	} {
		start, ended, known := parseStat([]byte(stat), nil)
		if got := fmt.Sprint(start, " ", ended, " ", known); got != want {
			t.Errorf("%q: %s, want %s", stat, got, want)
		}
	}
	if _, _, known := parseStat(nil, os.ErrNotExist); known {
		t.Error("an unreadable one is known")
	}
}

func hostname(t *testing.T) string {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return host
}
