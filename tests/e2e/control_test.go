package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/tests/harness"
)

// controlled is what pause, resume and set print as JSON.
type controlled struct {
	Job, RunID string
	job.Control
}

// settles waits until the target has been asked for so many records with no more in flight than a cap, which was reached but for a little, and returns when it was first asked for one
// of those. From then on, and from when all chunks have said that they keep no more than the cap, it must hold.
func settles(b *harness.Bench, id string, tg *harness.Target, limit, records int) (took time.Duration) {
	b.T.Helper()
	begun := time.Now()
	window := func() (peak int) {
		tg.Peak() // of before
		total, _, _ := tg.Counts()
		b.Until("more records", func() bool { n, _, _ := tg.Counts(); return n >= total+records })
		return tg.Peak()
	}
	b.Until(fmt.Sprintf("%d in flight", limit), func() bool {
		took = time.Since(begun)
		peak := window()
		return peak <= limit && peak >= limit*3/4 // the slots of the workers come and go at the ends of chunks
	})
	b.Until("more slots than the cap given back", func() bool { n, ok := heldSlots(b, b.Client, id); return ok && n <= limit })
	if peak := window(); peak > limit {
		b.T.Errorf("%d in flight, with a cap of %d", peak, limit)
	}
	return took
}

// heldSlots is how many slots the chunks of a job hold, where its workflow answers.
func heldSlots(b *harness.Bench, c client.Client, id string) (slots int, ok bool) {
	v, err := c.QueryWorkflow(b.T.Context(), id, "", job.QueryProgress)
	var p job.Progress
	ok = err == nil && v.Get(&p) == nil
	return p.Slots, ok
}

// rests waits until all chunks of a job have given their slots back, and nothing is in flight.
func rests(b *harness.Bench, c client.Client, id string, tg *harness.Target) {
	b.T.Helper()
	b.Until("all slots given back", func() bool { n, ok := heldSlots(b, c, id); return ok && n == 0 })
	if _, _, inFlight := tg.Counts(); inFlight > 0 {
		b.Until("nothing in flight", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 0 }) // but for the way back
	}
}

// TestACapThatIsSetHolds measures at the target, over two workers, what is in flight while the cap is lowered, raised and taken to nothing: it comes to the new cap,
// reaches it, and never exceeds it.
func TestACapThatIsSetHolds(t *testing.T) {
	const n = 1_000_000 // more than can be done
	b := harness.New(t)
	do := on(b)
	tg := harness.NewTarget(t, harness.Fixed(20*time.Millisecond))
	b.Worker()
	second := b.Worker()
	b.Write("in", harness.Lines(n))
	do(0, "run", b.Path("in"), "--output", b.Path("out"), "--http", tg.Template(), "--concurrency", "40", "--job", "capped", "--detach")
	settles(b, "capped", tg, 40, 40)
	for _, limit := range []int{6, 60, 1, 80, 20} {
		out, _ := do(0, "set", "capped", "--concurrency", fmt.Sprint(limit), "--json")
		if c := decode[controlled](t, out); c.Job != "capped" || c.Control != (job.Control{Concurrency: limit}) {
			t.Errorf("set: %s", out)
		}
		t.Logf("a cap of %d held after %s", limit, settles(b, "capped", tg, limit, 40).Round(10*time.Millisecond))
	}
	// What a worker had goes to the other, within the cap.
	second.Kill()
	settles(b, "capped", tg, 20, 40)

	do(0, "pause", "capped")
	rests(b, b.Client, "capped", tg)
	before, _, _ := tg.Counts()
	out, _ := do(0, "status", "capped")
	if !strings.Contains(out, "running, paused") || !strings.Contains(out, "longhaul resume capped") {
		t.Errorf("status:\n%s", out)
	}
	b.Worker() // which is to begin nothing
	b.Until("a worker that waits", func() bool {
		out, _ := do(0, "status", "capped", "--json")
		return decode[reported](t, out).InFlight == 0
	})
	if out, _ = do(0, "set", "capped", "--rate", "50/s", "--burst", "5"); out != "job capped: 20 in flight at most, 50/s with a burst of 5, paused\n" {
		t.Errorf("set: %s", out)
	}
	if total, _, _ := tg.Counts(); total != before {
		t.Errorf("%d records were begun in a paused job", total-before)
	}
	resumed := time.Now()
	do(0, "resume", "capped")
	b.Until("records under a rate", func() bool { total, _, _ := tg.Counts(); return total >= before+100 })
	for i, at := range tg.Came()[before:] {
		if most := at.Sub(resumed).Seconds()*50 + 5; float64(i+1) > most {
			t.Fatalf("request %d came %s after it was resumed: no more than %.0f may have", i+1, at.Sub(resumed), most)
		}
	}
	do(0, "set", "capped", "--rate", "none")
	settles(b, "capped", tg, 20, 40)
	do(0, "cancel", "capped")
}

// TestACapThatIsSetHoldsOverTLS raises and lowers the cap of a job whose connections are net/http's, which bounds them by itself.
func TestACapThatIsSetHoldsOverTLS(t *testing.T) {
	b := harness.New(t)
	do := on(b)
	tg, certificate := harness.NewTLSTarget(t, harness.Fixed(20*time.Millisecond))
	b.Worker()
	b.Write("in", harness.Lines(1_000_000))
	do(0, "run", b.Path("in"), "--output", b.Path("out"), "--http", tg.Template(), "--cacert", certificate, "--concurrency", "4", "--job", "secure", "--detach")
	settles(b, "secure", tg, 4, 4)
	for _, limit := range []int{30, 3, 40} {
		do(0, "set", "secure", "--concurrency", fmt.Sprint(limit))
		t.Logf("a cap of %d held after %s", limit, settles(b, "secure", tg, limit, 30).Round(10*time.Millisecond))
	}
	do(0, "cancel", "secure")
}

func TestWhatCannotBeSetIsRefused(t *testing.T) {
	b := harness.New(t)
	do := on(b)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Gate = make(chan struct{})
	b.Worker()
	b.Write("in", harness.Lines(10))
	do(0, "run", b.Path("in"), "--output", b.Path("out"), "--http", tg.Template(), "--job", "held", "--detach")
	b.Until("some in flight", func() bool { _, _, n := tg.Counts(); return n == 10 })
	for name, c := range map[string]struct {
		status int
		args   []string
		want   string
	}{
		"nothing named":      {2, []string{"set", "held"}, "nothing to set: want --concurrency, --rate or --burst"},
		"no cap":             {2, []string{"set", "held", "--concurrency", "0"}, "set: concurrency: 0 is not within 1 to 100000"},
		"no rate":            {2, []string{"set", "held", "--rate", "fast"}, `set: rate: "fast" is no rate such as "100/s"`},
		"an empty rate":      {2, []string{"set", "held", "--rate", ""}, "--rate must not be empty (none: no bound)"},
		"a burst alone":      {1, []string{"set", "held", "--burst", "3"}, "job held refused: set: burst: there is no rate that it could belong to"},
		"nobody":             {1, []string{"pause", "nobody"}, "no job nobody on the server"},
		"two jobs":           {2, []string{"resume", "held", "other"}, "want one JOB"},
		"a flag of set":      {2, []string{"pause", "held", "--rate", "1/s"}, "unknown flag: --rate"},
		"a rate of no burst": {2, []string{"set", "held", "--rate", "1/s", "--burst", "0"}, "set: burst: 0 is not within 1 to 1000000"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, said := on(b)(c.status, c.args...); !strings.Contains(said, c.want) {
				t.Errorf("it says %q, and not %q", said, c.want)
			}
		})
	}
	// Temporal's own program has the same words.
	if out := string(b.Temporal("workflow", "update", "execute", "--workflow-id", "held", "--name", "set", "--input", `{"concurrency":3}`)); !strings.Contains(out, "concurrency:3") {
		t.Errorf("update: %s", out)
	}
	b.Temporal("workflow", "signal", "--workflow-id", "held", "--name", "pause")
	b.Temporal("workflow", "signal", "--workflow-id", "held", "--name", "set", "--input", `{"concurrency":7}`)
	b.Temporal("workflow", "signal", "--workflow-id", "held", "--name", "set", "--input", `{"concurrency":-7}`)
	b.Until("the signals heeded", func() bool {
		out, _ := do(0, "status", "held")
		return strings.Contains(out, "running, paused") && strings.Contains(out, "of 7")
	})
	if page := string(b.Temporal("workflow", "metadata", "--workflow-id", "held")); !strings.Contains(page, "refused") || !strings.Contains(page, "-7 is not within 1 to 100000") {
		t.Errorf("the page does not tell of the signal that was refused:\n%s", page)
	}
	close(tg.Gate)
	do(0, "resume", "held")
	do(0, "watch", "held", "--progress", "none")
	if _, said := do(1, "pause", "held"); !strings.Contains(said, "job held does not run: it is complete") {
		t.Errorf("pause of what is complete: %s", said)
	}
	b.Same("out", harness.Oracle(10))
	tg.Once(t, 10)
}

// TestAUsersDay is a day with a job, each step a process of its own: it is started, watched, paused, slowed down, resumed, killed, taken up again, looked into, repaired and checked.
func TestAUsersDay(t *testing.T) {
	const n, limit = 4_000, 16
	b := harness.New(t)
	run := func(status int, args ...string) string {
		t.Helper()
		p := b.Start(harness.LonghaulProgram, append(args, "--state-dir", b.Path("state"))...).Ended(status)
		return p.Out() + p.Errs()
	}
	tg := harness.NewTarget(t, harness.Fixed(25*time.Millisecond)) // so that it is not over before a step of the day has begun
	tg.Refuses = func(record string) bool { return strings.HasSuffix(record, "00") }
	b.Write("in", harness.Lines(n))
	at := func(part int) {
		t.Helper()
		b.Until(fmt.Sprintf("%d records requested", part), func() bool { total, _, _ := tg.Counts(); return total >= part })
	}

	command := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", fmt.Sprint(limit), "--job", "day"}
	p := b.Embedded("state", command...)
	p.Says("watch it: http://")
	at(n / 8)
	watch := b.Start(harness.LonghaulProgram, "watch", "out", "--progress", "json", "--state-dir", b.Path("state"))
	watch.Says(`"cap":16`)
	if said := run(0, "pause", "out"); !strings.Contains(said, "16 in flight at most, paused") {
		t.Errorf("pause: %s", said)
	}
	watch.Says(`"paused":true`)
	address := strings.Split(string(b.Read("state/server.json")), `"`)[3]
	c, err := client.Dial(client.Options{HostPort: address, Logger: harness.Quiet{}})
	harness.Must(t, err)
	defer c.Close()
	rests(b, c, "day", tg)
	p.Says("longhaul resume ")
	before, _, _ := tg.Counts()
	if said := run(0, "set", "out", "--concurrency", "4"); !strings.Contains(said, "4 in flight at most, paused") {
		t.Errorf("set: %s", said)
	}
	if after, _, _ := tg.Counts(); after != before {
		t.Errorf("%d records were begun in a paused job", after-before)
	}
	tg.Peak()
	run(0, "resume", "out")
	at(before + n/8)
	if peak := tg.Peak(); peak > 4 {
		t.Errorf("%d in flight, with a cap of 4", peak)
	}

	p.Kill()
	gone(b, "state")
	b.Until("nothing in flight", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 0 })
	if said := run(0, "status", "out"); !strings.Contains(said, "the same command as before resumes it") {
		t.Errorf("status of what was killed: %s", said)
	}
	tg.Peak()
	p = b.Embedded("state", command...)
	p.Says("joined")
	at(before + n/4)
	if peak := tg.Peak(); peak > 4 {
		t.Errorf("%d in flight after a kill, with a cap of 4", peak)
	}
	run(0, "set", "out", "--concurrency", "30")
	p.Ended(3)
	if total, peak, _ := tg.Counts(); peak > 30 || total > n+limit {
		t.Errorf("%d requests for %d records, %d at once", total, n, peak)
	}

	if said := run(0, "status", "out"); !strings.Contains(said, "complete") {
		t.Errorf("status at the end: %s", said)
	}
	if said := run(3, "result", "out"); !strings.Contains(said, "40 failed") {
		t.Errorf("result: %s", said)
	}
	if said := b.Start(harness.LonghaulProgram, "errors", "out").Ended(0).Out(); !strings.Contains(said, "404") || !strings.Contains(said, "40") {
		t.Errorf("errors: %s", said)
	}
	tg.Refuses = nil
	retry := b.Start(harness.LonghaulProgram, "retry", "out", "--progress", "plain", "--state-dir", b.Path("state")).Ended(0)
	if !strings.Contains(retry.Out(), "40") {
		t.Errorf("retry: %s", retry.Out())
	}
	b.Verify("out").Ended(0)
	b.Same("out", harness.Oracle(n))
}
