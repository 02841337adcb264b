package e2e

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

// Retry starts longhaul retry against the shared server.
func retry(b *harness.Bench, args ...string) *harness.Process {
	b.T.Helper()
	return b.Start(harness.LonghaulProgram, append([]string{"retry", "--address", harness.Server.Address, "--namespace", b.Namespace, "--progress", "plain"}, args...)...)
}

// TestRetry has half of the records fail, then a part of those again, then none: each retry runs the failed ones only, and puts their results into their places.
func TestRetry(t *testing.T) {
	b, tg, refusing := refusingTarget(t)
	b.Worker()
	run := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", "20", "--max-failures", "100%"}
	b.Longhaul(run...).Ended(3)
	if before, _, _ := tg.Counts(); before != halfRecords {
		t.Fatalf("%d requests", before)
	}
	tg.Refuses = func(record string) bool { return number(record)%100 == 0 && refusing.Load() }
	p := retry(b, "out", "--concurrency", "7").Ended(3)
	if want := fmt.Sprintf("retried: %s records, 10 failed again", "1,000"); !strings.Contains(p.Out(), want) || !strings.Contains(p.Out(), "; 10 of 2,000 records have failed\n") {
		t.Errorf("said %s", p.Out())
	}
	var want, errs strings.Builder
	for i := range halfRecords {
		r := fmt.Sprint(i + 1)
		if i+1 > halfRecords/2 && (i+1)%100 == 0 {
			want.WriteString("null\n")
			fmt.Fprintf(&errs, `{"record":%d,"input":"%s","error":"HTTP 404 Not Found: refused","tries":1}`+"\n", i, r)
		} else {
			fmt.Fprintf(&want, "%q\n", harness.Answer(r))
		}
	}
	b.Same("out", []byte(want.String()))
	b.Same("out.longhaul/errors.jsonl", []byte(errs.String()))
	b.Tidy("out")
	b.Verify("out").Ended(0)
	if n, _, _ := tg.Counts(); n != halfRecords+halfRecords/2 {
		t.Errorf("%d requests: more than those that had failed were retried", n)
	}
	if again := b.Longhaul(run...).Ended(3); !strings.Contains(again.Out(), "already done: 2,000 records, 10 failed") {
		t.Errorf("the job's own command says %s", again.Out())
	}
	refusing.Store(false)
	retry(b, "out").Ended(0)
	b.Same("out", harness.Oracle(halfRecords))
	b.Same("out.longhaul/errors.jsonl", nil)
	b.Verify("out").Ended(0)
	if again := retry(b, "out").Ended(0); !strings.Contains(again.Out(), "nothing to retry: none of 2,000 records failed") {
		t.Errorf("said %s", again.Out())
	}
	if n, _, _ := tg.Counts(); n != halfRecords+halfRecords/2+10 {
		t.Errorf("%d requests", n)
	}
	b.Tidy("out")
}

// TestRetryGivesEachRecordWhatItHadBefore fails records of every kind at first: long ones, ones with odd bytes, rows, of a sample. The retry gives the task the same input,
// number and key.
func TestRetryGivesEachRecordWhatItHadBefore(t *testing.T) {
	long := strings.Repeat("long ", 2000)
	for name, c := range map[string]struct {
		in    string
		flags []string
		// left is how many records fail again, whatever the task does.
		left int
	}{
		"lines":        {"a\n\n" + long + "\nb\\x\n\x01\x02\xff\n" + long + "!\n", nil, 0},
		"NUL bytes":    {"a\x00\n\x00" + long + "\n" + long + "\x00", []string{"--input-format", "nul"}, 0},
		"rows":         {"id,text\n1,x\n2,\"y\nz\"\n3,one,too,many\n4," + long + "\n", []string{"--input-format", "csv"}, 1},
		"a sample":     {string(harness.Lines(500)) + long + "\n", []string{"--sample", "50%", "--seed", "3", "--skip", "2"}, 0},
		"JSON lines":   {"{\"a\":1}\nnone\n\"" + long + "\"\n", []string{"--input-format", "jsonl"}, 1},
		"several runs": {long + "\n" + strings.Repeat(long+"\nx\n", 50), nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t)
			b.Worker()
			b.Write("in", []byte(c.in))
			// It fails where there is no file ok, and notes what it was given either way.
			task := []string{"--max-failures", "100%", "--retries", "1", "--fatal-exit", "9", "--shell", fmt.Sprintf(
				`d=%s; [ -e $d/ok ] && s=second || s=first; cat > $d/$s-$LONGHAUL_RECORD; echo $LONGHAUL_IDEMPOTENCY_KEY > $d/$s-key-$LONGHAUL_RECORD; [ -e $d/ok ] || exit 9; echo done $LONGHAUL_RECORD`, b.Dir)}
			b.Longhaul(append(append([]string{"in", "--output", "out"}, c.flags...), task...)...).Ended(3)
			b.Write("ok", nil)
			status := 0
			if c.left > 0 {
				status = 3
			}
			retry(b, "out").Ended(status)
			b.Verify("out").Ended(0)
			b.Tidy("out")
			files, err := os.ReadDir(b.Dir)
			harness.Must(t, err)
			pairs := 0
			for _, f := range files {
				if rest, ok := strings.CutPrefix(f.Name(), "first-"); ok {
					pairs++
					if !bytes.Equal(b.Read(f.Name()), b.Read("second-"+rest)) {
						t.Errorf("%s was %.100q, and then %.100q", rest, b.Read(f.Name()), b.Read("second-"+rest))
					}
				}
			}
			if got := strings.Count(string(b.Read("out")), "done "); got == 0 || 2*got != pairs {
				t.Errorf("%d results, of %d records noted", got, pairs/2)
			}
			if got := bytes.Count(b.Read("out.longhaul/errors.jsonl"), []byte{'\n'}); got != c.left {
				t.Errorf("%d records failed again, want %d", got, c.left)
			}
		})
	}
}

// TestRetryInEachFormat retries outputs of other formats, ends of line and expressions: the result is that of a run in which nothing failed.
func TestRetryInEachFormat(t *testing.T) {
	for name, flags := range map[string][]string{
		"record":                  {"--format", "record"},
		"lines that end with NUL": {"--print0", "--concurrency", "5"},
		"expressions":             {"--input-format", "jsonl", "--select-input", ".a", "--format", "json", "--select", `{got: .}`},
		"rows, as records":        {"--input-format", "csv", "--format", "record"},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t)
			b.Worker()
			var in strings.Builder
			for i := range 60 {
				if flags[1] == "csv" {
					fmt.Fprintf(&in, "x%d,%d\n", i, i)
				} else {
					fmt.Fprintf(&in, `{"a":"x%d","b":[%d]}`+"\n", i, i)
				}
			}
			b.Write("in", []byte(in.String()))
			args := func(output string) []string {
				return append([]string{"in", "--output", output, "--retries", "1", "--fatal-exit", "9"}, append(flags,
					"--shell", `[ -e ok ] || [ $((LONGHAUL_RECORD % 4)) != 0 ] || exit 9; cat; [ $LONGHAUL_RECORD != 8 ] || exit 9`)...)
			}
			b.Longhaul(args("out")...).Ended(3)
			b.Write("ok", nil)
			b.Longhaul(args("want")...).Ended(3)
			retry(b, "out", "--retries", "1").Ended(3)
			b.Verify("out").Ended(0)
			b.Tidy("out")
			got, want := string(b.Read("out")), string(b.Read("want"))
			if ms := regexp.MustCompile(`"ms":[0-9.]+`); ms.ReplaceAllString(got, "") != ms.ReplaceAllString(want, "") {
				t.Errorf("%.2000s\nwant %.2000s", got, want)
			}
			b.Same("out.longhaul/errors.jsonl", b.Read("want.longhaul/errors.jsonl"))
		})
	}
	b := harness.New(t)
	b.Worker()
	b.Write("in", []byte("1\nx\n"))
	b.Longhaul("in", "--output", "out", "--order", "completion", "--task", "double", "--task-arg", "delay=1ms").Ended(3)
	retry(b, "out").Ended(2).Says("its lines stand in the order of completion")
}

// TestRetryRefuses meets what cannot be retried.
func TestRetryRefuses(t *testing.T) {
	h := held(t)
	retry(h.Bench, "out").Ended(1).Says("the job is unfinished (finish it first: the same command as before resumes it)")
	h.release()
	h.run.Ended(0)
	b := h.In(t, "failed")
	long := strings.Repeat("x", 10_000)
	b.Write("in", []byte("1\nx\n"+long+"\n"))
	b.Longhaul("in", "--output", "out", "--task", "double", "--task-arg", "delay=1ms").Ended(3)
	b.Write("plain", nil)
	retry(b, "plain").Ended(1).Says("it has no manifest beside it (is this an output of longhaul?)")
	retry(b).Ended(2).Says("want one OUTPUT")
	retry(b, "out", "--task", "tripel").Ended(2).Says(`no task "tripel"`)
	before, modified := b.Read("in"), stat(b, "in").ModTime()
	b.Write("in", []byte("1\nx\n"))
	retry(b, "out").Ended(1).Says("the input changed while the job ran: its size was")
	b.Verify("out").Ended(0)
	b.Write("in", before)
	touch(b, "in", modified)
	p := retry(b, "out").Ended(3)
	if !strings.Contains(p.Out(), "retried: 2 records, 2 failed again") {
		t.Errorf("said %s", p.Out())
	}
	retry(b, "out", "--task", "echo").Ended(0) // another task
	b.Same("out", []byte("2\nx\n"+long+"\n"))
}

// TestRetryGoesOn kills a retry and its worker half way, and starts the same command again.
func TestRetryGoesOn(t *testing.T) {
	b, tg, refusing := refusingTarget(t)
	w := b.Worker()
	b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", "20", "--max-failures", "100%", "--job", "retried").Ended(3)
	old := b.Read("out")
	refusing.Store(false)
	tg.Latency = harness.Fixed(5 * time.Millisecond)
	p := retry(b, "out", "--concurrency", "10")
	b.Until("half of the retry done", func() bool { n, _, _ := tg.Counts(); return n >= halfRecords*5/4 })
	w.Kill()
	p.Kill()
	b.Same("out", old)
	b.Verify("out").Ended(0)
	b.Worker()
	b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--job", "retried").Ended(1).Says("its failed records are being retried")
	retry(b, "out", "--concurrency", "10").Ended(0)
	b.Same("out", harness.Oracle(halfRecords))
	b.Verify("out").Ended(0)
	b.Tidy("out")
	if n, _, _ := tg.Counts(); n > halfRecords*3/2+10 {
		t.Errorf("%d requests: more than the 10 in flight were repeated", n)
	}
}
