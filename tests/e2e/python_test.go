package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

// python returns a Python that has the modules.
func python(t *testing.T, modules ...string) string {
	t.Helper()
	for _, program := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(program, "-c", "import "+strings.Join(append(modules, "asyncio"), ", ")).Run() == nil {
			return program
		}
	}
	t.Fatalf("no python3 with %s was found: apt-get install python3 python3-aiohttp (make test does)", strings.Join(append(modules, "asyncio"), ", "))
	return ""
}

// example is a file of examples/.
func example(t *testing.T, name string) string {
	t.Helper()
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("where is this?")
	}
	return filepath.Join(filepath.Dir(here), "..", "..", "examples", filepath.FromSlash(name))
}

// TestPythonFunction has an async function of a reader's: many at once, in order; its prints are nobody's, its exceptions are the record's.
func TestPythonFunction(t *testing.T) {
	const n, limit = 2_000, 50
	b := harness.New(t)
	b.Worker()
	program := b.Write("mine.py", []byte(`
import asyncio
from longhaul import run, Retryable, idempotency_key, record_number

now = peak = 0
tried = set()

async def io_task(x):
    global now, peak
    now += 1
    peak = max(peak, now)
    print("noise")
    try:
        await asyncio.sleep(0.002 * (int(x) % 7))
    finally:
        now -= 1
    if int(x) % 500 == 0:
        raise ValueError("no fives")
    if int(x) % 100 == 7 and x not in tried:
        tried.add(x)
        raise Retryable("not yet", after=0.01)
    return [int(x) * 2, peak <= `+fmt.Sprint(limit)+`, idempotency_key().endswith(":%d" % record_number()), record_number()]

run(io_task)
`))
	b.Write("in", harness.Lines(n))
	b.Longhaul("in", "--output", "out", "--format", "json", "--concurrency", fmt.Sprint(limit), "--pipe=async", "--",
		"env", "PYTHONPATH="+filepath.Dir(example(t, "python/longhaul.py")), "PYTHONDONTWRITEBYTECODE=1", python(t), program).Ended(3)
	var want bytes.Buffer
	for i := range n {
		if (i+1)%500 == 0 {
			want.WriteString("null\n")
			continue
		}
		fmt.Fprintf(&want, "[%d,true,true,%d]\n", 2*(i+1), i)
	}
	b.Same("out", want.Bytes())
	if errs := string(b.Read("out.longhaul/errors.jsonl")); strings.Count(errs, `"error":"ValueError: no fives","tries":1`) != n/500 {
		t.Errorf("errors: %s", errs)
	}
}

// TestPythonTaskIsCancelled: a task whose time is out gets asyncio's CancelledError; it is tried again, and the others go on.
func TestPythonTaskIsCancelled(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	program := b.Write("mine.py", []byte(`
import asyncio, sys
from longhaul import run

slow = {"3"}

async def io_task(x):
    try:
        await asyncio.sleep(1000 if x in slow else 0.001)
    except asyncio.CancelledError:
        slow.discard(x)
        print(x, file=open(sys.argv[1], "a"))
        raise
    return x

run(io_task)
`))
	b.Write("in", harness.Lines(50))
	b.Longhaul("in", "--output", "out", "--concurrency", "4", "--timeout", "5s", "--pipe=async", "--",
		"env", "PYTHONPATH="+filepath.Dir(example(t, "python/longhaul.py")), "PYTHONDONTWRITEBYTECODE=1", python(t), program, b.Path("cancelled")).Ended(0)
	b.Same("out", harness.Lines(50))
	b.Same("cancelled", []byte("3\n"))
}

// TestPythonTaskIsCancelledBeforeItBegins cancels in the same breath as it asks: there is an answer all the same, and the program ends with its questions.
func TestPythonTaskIsCancelledBeforeItBegins(t *testing.T) {
	const n = 500 // some of which the program is told to cancel before it has begun them
	b := harness.NewAlone(t)
	program := b.Write("mine.py", []byte(`
import asyncio
from longhaul import run

async def io_task(x):
    await asyncio.sleep(1000)

run(io_task)
`))
	within, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := exec.CommandContext(within, python(t), program)
	p.Env = append(os.Environ(), "PYTHONPATH="+filepath.Dir(example(t, "python/longhaul.py")), "PYTHONDONTWRITEBYTECODE=1")
	var in, want strings.Builder
	for i := range n {
		fmt.Fprintf(&in, "{\"id\":%d,\"input\":\"x\"}\n{\"cancel\":%d}\n", i, i)
		fmt.Fprintf(&want, "{\"id\": %d, \"error\": \"cancelled\", \"retryable\": true}\n", i)
	}
	p.Stdin = strings.NewReader(in.String())
	out, err := p.Output()
	harness.Must(t, err)
	if !slices.Equal(slices.Sorted(strings.Lines(string(out))), slices.Sorted(strings.Lines(want.String()))) {
		t.Errorf("answers:\n%s", out)
	}
}

// TestAiohttp runs the example with aiohttp against a real server, through an outage.
func TestAiohttp(t *testing.T) {
	const n, limit = 3_000, 40
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.HeavyTailed(2*time.Millisecond))
	tg.Refuses = func(record string) bool { return record == "13" }
	tg.SetDown(true)
	b.Worker()
	var in, want bytes.Buffer
	for i := range n {
		record := fmt.Sprint(i + 1)
		fmt.Fprintf(&in, "%s/%s\n", tg.URL, record)
		if record == "13" {
			want.WriteString("null\n")
			continue
		}
		fmt.Fprintf(&want, `{"status":200,"length":%d,"begins":%q}`+"\n", len(harness.Answer(record)), harness.Answer(record))
	}
	b.Write("in", in.Bytes())
	p := b.Longhaul("in", "--output", "out", "--format", "json", "--concurrency", fmt.Sprint(limit), "--retries", "2", "--pipe=async", "--",
		"env", "PYTHONDONTWRITEBYTECODE=1", python(t, "aiohttp"), example(t, "python/fetch.py"))
	b.Until("every slot met the outage", func() bool { return tg.Refused() >= 2*limit })
	tg.SetDown(false)
	p.Ended(3)
	b.Same("out", want.Bytes())
	tg.Once(t, n)
	if errs := string(b.Read("out.longhaul/errors.jsonl")); strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "ClientResponseError: 404") {
		t.Errorf("errors: %s", errs)
	}
	if _, peak, _ := tg.Counts(); peak > limit {
		t.Errorf("%d requests were in flight, with a cap of %d", peak, limit)
	}
}
