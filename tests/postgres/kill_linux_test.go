package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

const (
	records     = 20_000
	concurrency = 50
	latency     = 200 * time.Millisecond
)

// order is the services in the order in which docker-compose.yml starts them.
var order = []string{"postgresql", "temporal", "ui", "worker 1", "worker 2", "starter"}

// TestEachIsKilled has a job go through kill -9 of each process of the topology in turn, and of all of them at once; each is started again. The output is
// what a sequential run would have written.
func TestEachIsKilled(t *testing.T) {
	if *programs == "" {
		t.Skip("make e2e-postgres runs this: it takes a Temporal server and PostgreSQL")
	}
	f := newTopology(t)
	f.uiSettings()
	target := harness.NewTarget(t, harness.Fixed(latency))
	f.Write("in", harness.Lines(records))
	f.starter = []string{"run", "in", "--output", "out", "--job", "killed", "--http", target.Template(), "--concurrency", strconv.Itoa(concurrency), "--progress", "plain"}
	begun := time.Now()
	f.up("postgresql", "schema", "temporal", "namespace", "schema", "namespace", "ui", "worker 1", "worker 2") // what is there already is left alone
	t.Logf("PostgreSQL %d, up after %s", major(f.bin), time.Since(begun).Round(time.Second))
	begun = time.Now()
	f.up("starter")

	victims := [][]string{{"worker 1"}, {"worker 2"}, {"starter"}, {"ui"}, {"temporal"}, {"postgresql"}, order}
	var table strings.Builder
	mayRepeat := 0
	for i, v := range victims {
		at := (i + 1) * records / (len(victims) + 1)
		f.Until(fmt.Sprintf("%d requests", at), func() bool { n, _, _ := target.Counts(); return n >= at })
		s := f.strike(target, v)
		if strings.Contains(strings.Join(v, " "), "worker") {
			mayRepeat += s.inFlight
		}
		fmt.Fprintln(&table, s)
	}
	f.Until("the Web UI shows the job", func() bool { return f.answers("/api/v1/namespaces/default/workflows", `"killed"`) })
	if p := f.running["starter"]; p.Wait() != 0 {
		t.Fatalf("exit %d: %s", p.Cmd.ProcessState.ExitCode(), p.Errs())
	}
	took := time.Since(begun)
	f.Same("out", harness.Oracle(records))
	f.Tidy("out")
	f.Verify("out").Ended(0)
	requests, peak, _ := target.Counts()
	repeats := requests - records
	t.Logf("%d records in %s, %d at once; each process is started again as soon as it is dead:\n\n%-12s %10s %14s %14s %14s\n%s\n%d kills, %d tasks run again; at most %d at once at the far side",
		records, took.Round(time.Second), concurrency, "killed", "in flight", "serves again", "nothing done", "all at work", table.String(), len(victims)-1+len(order), repeats, peak)
	if repeats > mayRepeat {
		t.Errorf("%d tasks ran again, where %d were in flight at the kills of workers", repeats, mayRepeat)
	}
	f.drain()
}

// strike is a kill and what came of it.
type strike struct {
	who      string
	inFlight int
	// serves is how long after the kill all that was killed was ready again, idle how long no task began at the far side, longest, and busy how long
	// after the kill as many tasks were in flight as may be; 0 where that took more than a minute.
	serves, idle, busy time.Duration
}

func (s strike) String() string {
	r := func(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
	busy := "over a minute"
	if s.busy > 0 {
		busy = r(s.busy)
	}
	return fmt.Sprintf("%-12s %10d %14s %14s %14s", s.who, s.inFlight, r(s.serves), r(s.idle), busy)
}

// strike kills services, starts them again, and waits until the job goes on as before.
func (f *topology) strike(target *harness.Target, who []string) strike {
	f.T.Helper()
	s := strike{who: strings.Join(who, " ")}
	if len(who) > 1 {
		s.who = "all at once"
	}
	requests, _, inFlight := target.Counts()
	s.inFlight = inFlight
	begun := time.Now()
	f.kill(who...)
	f.up(who...)
	s.serves = time.Since(begun)
	f.Until("the job going on", func() bool {
		n, _, inFlight := target.Counts()
		busy := n > requests+2*concurrency && inFlight >= concurrency
		if busy || n >= records {
			s.busy = time.Since(begun)
		}
		return s.busy > 0 || n > requests+2*concurrency && time.Since(begun) > time.Minute // a machine that is busy itself may take its time
	})
	last := begun
	for _, came := range append(target.Came(), time.Now()) {
		if came.After(last) {
			s.idle = max(s.idle, came.Sub(last))
			last = came
		}
	}
	return s
}

// TestTheServerKnowsItsSettings has the server check those that may change while it runs: it would leave out what it does not know.
func TestTheServerKnowsItsSettings(t *testing.T) {
	if *programs == "" {
		t.Skip("make e2e-postgres runs this: it takes a Temporal server")
	}
	said, err := exec.Command(filepath.Join(*programs, "temporal-server"), "validate-dynamic-config", filepath.Join("..", "..", "deploy", "temporal", "dynamic.yaml")).CombinedOutput()
	if err != nil || strings.Contains(string(said), "error") || strings.Contains(string(said), "warning") {
		t.Errorf("%v: %s", err, said)
	}
}

// drain stops the workers as docker compose stop does: each ends by itself.
func (f *topology) drain() {
	f.T.Helper()
	for _, name := range []string{"worker 1", "worker 2"} {
		f.running[name].Signal(syscall.SIGTERM)
		f.running[name].Ended(0)
	}
}

// uiSettings is the Web UI's own settings, the image's too, but for the port of other machines.
func (f *topology) uiSettings() {
	f.T.Helper()
	settings, err := os.ReadFile(filepath.Join(*programs, "temporal-ui.yaml"))
	harness.Must(f.T, err)
	harness.Must(f.T, os.Mkdir(f.Path("ui"), 0o700))
	f.Write("ui/docker.yaml", append(settings, "\nhost: 127.0.0.1\n"...))
}
