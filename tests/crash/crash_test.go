package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/tests/harness"
)

var (
	kills = flag.Int("kills", 10, "how many times a process is killed or stopped, over all jobs")
	seed  = flag.Uint64("seed", 0, "seed of the schedule; 0 draws one")
	keep  = flag.Bool("keep", true, "keep the folder of a job that fails")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(harness.Main(m))
}

const (
	limit       = 32
	killsPerJob = 20
)

// TestSchedule runs jobs while a seeded schedule kills (SIGKILL) the worker, the server, the starter or all of them, and stops (SIGSTOP)
// workers for longer than their heartbeats may be missing.
func TestSchedule(t *testing.T) { schedule(t, job.OrderInput, *kills) }

// TestScheduleInTheOrderOfCompletion is the same where results are written as they come, with half as many kills.
func TestScheduleInTheOrderOfCompletion(t *testing.T) {
	schedule(t, job.OrderCompletion, (*kills+1)/2)
}

func schedule(t *testing.T, order job.Order, kills int) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("seed %d: go test ./tests/crash -run '^%s$' -args -seed %d -kills %d", *seed, t.Name(), *seed, kills)
	random := rand.New(rand.NewPCG(*seed, 0))
	var total tally
	for done, jobs := 0, 0; done < kills; jobs++ {
		n := min(killsPerJob, kills-done)
		t.Run(fmt.Sprintf("job %d", jobs), func(t *testing.T) { total.add(runJob(t, order, random, n)) })
		if t.Failed() {
			return
		}
		done += n
	}
	t.Log(total.recovery())
	t.Logf("%d kills, %d stops, %d records: 0 lines lost, doubled or out of place; %d requests repeated, %d were in flight at the kills, %d could have been",
		total.kills, total.stops, total.records, total.repeated, total.inFlight, total.bound)
}

// tally is what a job's schedule came to.
type tally struct {
	kills, stops, records, repeated, inFlight, bound int
	// back is, for each kill of everything, how long after the server was up again the next request reached the target.
	back []time.Duration
}

// recovery tells how quickly work went on.
func (a *tally) recovery() string {
	if len(a.back) == 0 {
		return "nothing was killed as a whole"
	}
	slices.Sort(a.back)
	return fmt.Sprintf("after %d kills of everything the next request came, from the moment that the server's port answered, in %s (median), %s (longest)",
		len(a.back), a.back[len(a.back)/2].Round(time.Millisecond), a.back[len(a.back)-1].Round(time.Millisecond))
}

func (a *tally) add(b tally) {
	a.kills += b.kills
	a.stops += b.stops
	a.records += b.records
	a.repeated += b.repeated
	a.inFlight += b.inFlight
	a.bound += b.bound
	a.back = append(a.back, b.back...)
}

// field is a job and the processes that the schedule strikes.
type field struct {
	*harness.Bench
	target  *harness.Target
	server  *harness.DevServer
	workers [2]*harness.Process
	starter *harness.Process
	args    []string
	order   job.Order
	tally   tally
}

func runJob(t *testing.T, order job.Order, random *rand.Rand, strikes int) tally {
	records := 400 * (strikes + 1)
	f := begin(t, order, records)
	for i := range strikes {
		// Strike when the job has got a random stretch further, so that the moments differ.
		at := 400*i + random.IntN(400)
		f.Until(fmt.Sprintf("%d requests", at), func() bool {
			f.restartStarter()
			n, _, _ := f.target.Counts()
			return n >= at
		})
		f.strike(random)
	}
	f.finish()
	f.check(records)
	return f.tally
}

// begin starts a job of so many records, some of which fail for good and some of which fail at first.
func begin(t *testing.T, order job.Order, records int) *field {
	dir, err := os.MkdirTemp("", "longhaul-crash-") // not the test's own, which would go with a failure
	harness.Must(t, err)
	f := &field{Bench: harness.NewAlone(t)}
	f.Dir = dir
	t.Cleanup(func() {
		if t.Failed() && *keep {
			t.Logf("the folder is kept: %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	f.target = harness.NewTarget(t, harness.HeavyTailed(20*time.Millisecond))
	f.target.Refuses = refuses
	f.Write("in", harness.Lines(records))
	f.server = f.DevServer("temporal.db")
	f.server.Start(f.Bench)
	for i := range f.workers {
		f.startWorker(i)
	}
	f.args = []string{
		"run", "in", "--output", "out", "--address", f.server.Address, "--progress", "none",
		"--http", f.target.Template(), "--concurrency", strconv.Itoa(limit),
	}
	if f.order = order; order == job.OrderCompletion {
		f.args = append(f.args, "--order", "completion", "--format", "record")
	}
	f.starter = f.Start(harness.LonghaulProgram, f.args...)
	f.tally.records = records
	return f
}

func (f *field) startWorker(i int) {
	f.workers[i] = f.Start(harness.WorkerProgram, "--address", f.server.Address, "--log-level", "error", "--stop-timeout", "5s")
}

// restartStarter starts the same command again where it ended without the job's end.
func (f *field) restartStarter() {
	select {
	case <-f.starter.Exited:
		if s := f.starter.Cmd.ProcessState.ExitCode(); s != 0 && s != 3 {
			f.starter = f.Start(harness.LonghaulProgram, f.args...)
		}
	default:
	}
}

// strike does one harm and mends it as an operator would: what was killed is started again.
func (f *field) strike(random *rand.Rand) {
	switch kind := random.IntN(10); {
	case kind < 4:
		f.killWorkers(random.IntN(2))
	case kind < 5:
		f.killWorkers(0, 1)
	case kind < 6:
		f.server.Kill()
		f.tally.kills++
		f.server.Start(f.Bench)
	case kind < 7:
		f.starter.Kill()
		f.tally.kills++
		f.starter = f.Start(harness.LonghaulProgram, f.args...)
	case kind < 9:
		f.killAll()
	default:
		f.stopWorker(random.IntN(2))
	}
}

// note counts what is in flight at a kill that ends tasks.
func (f *field) note() {
	_, _, inFlight := f.target.Counts()
	f.tally.inFlight += inFlight
	f.tally.bound += limit
}

func (f *field) killWorkers(which ...int) {
	f.note()
	for _, i := range which {
		f.workers[i].Signal(syscall.SIGKILL)
	}
	for _, i := range which {
		f.workers[i].Wait()
		f.startWorker(i)
	}
	f.tally.kills++
}

func (f *field) killAll() {
	f.note()
	f.starter.Signal(syscall.SIGKILL)
	f.server.Signal(syscall.SIGKILL)
	f.killWorkersOnly()
	f.starter.Wait()
	f.server.Wait()
	f.tally.kills++
	f.tally.back = append(f.tally.back, f.recover()...)
}

// recover starts again what was killed, and returns how long after the server's port answered the next request came; nothing where none was left to make.
func (f *field) recover() []time.Duration {
	next := f.target.Next()
	f.server.Launch(f.Bench)
	up := f.server.Answers(f.Bench)
	for i := range f.workers {
		f.startWorker(i)
	}
	f.server.Serves(f.Bench)
	f.starter = f.Start(harness.LonghaulProgram, f.args...)
	var back []time.Duration
	f.Until("a request after the kill", func() bool {
		f.restartStarter()
		select {
		case at := <-next:
			back = append(back, at.Sub(up))
			return true
		default:
			return f.ended()
		}
	})
	return back
}

func (f *field) killWorkersOnly() {
	for _, w := range f.workers {
		w.Signal(syscall.SIGKILL)
	}
	for _, w := range f.workers {
		w.Wait()
	}
}

// stopWorker stops a worker until Temporal has taken its activities for dead, and lets it go on beside those that took over.
func (f *field) stopWorker(i int) {
	f.note()
	f.workers[i].Signal(syscall.SIGSTOP)
	time.Sleep(12 * time.Second) // the harm itself: longer than the heartbeat time-out
	f.workers[i].Signal(syscall.SIGCONT)
	f.tally.stops++
}

// finish waits for the job's end.
func (f *field) finish() {
	f.Until("the job's end", func() bool {
		f.restartStarter()
		return f.ended()
	})
	f.starter.Ended(3)
}

// ended says whether the starter has seen the job's end.
func (f *field) ended() bool {
	select {
	case <-f.starter.Exited:
		s := f.starter.Cmd.ProcessState.ExitCode()
		return s == 0 || s == 3
	default:
		return false
	}
}

// refuses says which records the target refuses for good.
func refuses(record string) bool {
	n, err := strconv.Atoi(record)
	return err == nil && n%97 == 0
}

// check compares all that is left with the oracle.
func (f *field) check(records int) {
	var out, errs strings.Builder
	for i := range records {
		r := strconv.Itoa(i + 1)
		if refuses(r) {
			out.WriteString("null\n")
			fmt.Fprintf(&errs, `{"record":%d,"input":"%s","error":"HTTP 404 Not Found: refused","tries":1}`+"\n", i, r)
		} else {
			fmt.Fprintf(&out, "%q\n", harness.Answer(r))
		}
	}
	if f.order == job.OrderCompletion {
		f.checkRecords(records, errs.String())
	} else {
		f.Same("out", []byte(out.String()))
		f.Same("out.longhaul/errors.jsonl", []byte(errs.String()))
	}
	f.Tidy("out")
	f.Start(harness.LonghaulProgram, "verify", "out").Ended(0)
	requests, peak, _ := f.target.Counts()
	f.tally.repeated = requests - records
	if f.tally.repeated > f.tally.bound {
		f.T.Errorf("%d requests were repeated; %d could have been in flight at the kills", f.tally.repeated, f.tally.bound)
	}
	f.T.Logf("%d kills, %d stops: %d repeated, %d in flight at them, peak %d of %d",
		f.tally.kills, f.tally.stops, f.tally.repeated, f.tally.inFlight, peak, limit)
}
