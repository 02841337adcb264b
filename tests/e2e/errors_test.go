package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/tests/harness"
)

// errorCases produces each error of docs/guarantees.md on real processes, by the name that it has there. The file system's own are in
// errors_linux_test.go.
var errorCases = map[string]func(t *testing.T){
	"input gone": func(t *testing.T) {
		changed(t, "input gone", "in", func(b *harness.Bench) { harness.Must(b.T, os.Remove(b.Path("in"))) })
	},
	"input gone while the job ran": func(t *testing.T) {
		changedWhileRunning(t, "input gone while the job ran", "in", func(b *harness.Bench) { harness.Must(b.T, os.Remove(b.Path("in"))) })
	},
	"input of another size": func(t *testing.T) {
		changed(t, "input of another size", "in", func(b *harness.Bench) { b.Write("in", append(b.Read("in"), "more\n"...)) })
	},
	"input of the same size": func(t *testing.T) {
		changed(t, "input of the same size", "in", edit("in", "7", "8"))
	},
	"input touched": func(t *testing.T) {
		changed(t, "input touched", "in", func(b *harness.Bench) { touch(b, "in", time.Unix(1_000_000_000, 0)) })
	},
	"input changed while the job ran": func(t *testing.T) {
		changedWhileRunning(t, "input changed while the job ran", "in", edit("in", "7", "8"))
	},
	"input grew while the job ran": func(t *testing.T) {
		changedWhileRunning(t, "input grew while the job ran", "in", func(b *harness.Bench) { b.Write("in", append(b.Read("in"), "more\n"...)) })
	},
	"input changed while the job ran, its time put back": func(t *testing.T) {
		changedWhileRunning(t, "input changed while the job ran, its time put back", "in", func(b *harness.Bench) {
			modified := stat(b, "in").ModTime()
			edit("in", "7", "8")(b)
			touch(b, "in", modified)
		})
	},
	"output gone": func(t *testing.T) {
		changed(t, "output gone", "out", func(b *harness.Bench) { harness.Must(b.T, os.Remove(b.Path("out"))) })
	},
	"output gone while the job ran": func(t *testing.T) {
		changedWhileRunning(t, "output gone while the job ran", "out", func(b *harness.Bench) { harness.Must(b.T, os.Remove(b.Path("out"))) })
	},
	"output cut": func(t *testing.T) {
		changed(t, "output cut", "out", func(b *harness.Bench) { harness.Must(b.T, os.Truncate(b.Path("out"), 1)) })
	},
	"output cut while the job ran": func(t *testing.T) {
		changedWhileRunning(t, "output cut while the job ran", "out", func(b *harness.Bench) { harness.Must(b.T, os.Truncate(b.Path("out"), 1)) })
	},
	"output edited while the job ran": func(t *testing.T) {
		h := held(t)
		edit("out", "result 5", "result 6")(h.Bench)
		h.release()
		h.run.Ended(0) // an edit of the same length shows in the digest only
		h.Documented("output edited while the job ran", h.Verify("out"))
	},
	"manifest edited": func(t *testing.T) {
		changed(t, "manifest edited", "out.longhaul/manifest", edit("out.longhaul/manifest", `"failed": 0`, `"failed": 1`))
	},
	"manifest edited while the job ran": func(t *testing.T) {
		changedWhileRunning(t, "manifest edited while the job ran", "out.longhaul/manifest", edit("out.longhaul/manifest", `"failed": 0`, `"failed": 1`))
	},
	"another job writes the output": func(t *testing.T) {
		h := held(t)
		before := h.Read("out")
		h.Documented("another job writes the output", h.Longhaul(append(h.args[:len(h.args)-1:len(h.args)-1], "two")...))
		if !bytes.HasPrefix(h.Read("out"), before) { // the first may have gone on
			t.Error("the refused job changed the output")
		}
		h.release()
		h.run.Ended(0)
		h.completes(0)
	},
	"the job runs with other arguments": func(t *testing.T) {
		h := held(t)
		h.Documented("the job runs with other arguments", h.Longhaul("in", "--output", "out", "--task", "echo", "--job", "half"))
		h.release()
		h.run.Ended(0)
		h.completes(0)
	},
	"a foreign file at the output's path": func(t *testing.T) {
		b := harness.New(t)
		b.Worker()
		b.Write("in", harness.Lines(5))
		b.Write("out", []byte("precious\n"))
		b.Documented("a foreign file at the output's path", b.Longhaul("in", "--output", "out", "--task", "echo"))
		b.Same("out", []byte("precious\n"))
		if _, err := os.Stat(b.Path("out.longhaul")); err == nil {
			t.Error("something was left beside the file")
		}
		harness.Must(t, os.Remove(b.Path("out")))
		b.Longhaul("in", "--output", "out", "--task", "echo").Ended(0)
		b.Same("out", harness.Lines(5))
	},
	"another task":      func(t *testing.T) { anotherJob(t, "another task", "--", "cat") },
	"another format":    func(t *testing.T) { anotherJob(t, "another format", "--task", "echo", "--format", "json") },
	"another's options": func(t *testing.T) { anotherJob(t, "another's options", "--task", "double", "--task-arg", "delay=2ms") },
	"job terminated": func(t *testing.T) {
		h := held(t)
		h.Temporal("workflow", "terminate", "--workflow-id", "half", "--reason", "a test")
		h.Documented("job terminated", h.run)
		h.release()
		h.completes(halfLimit)
	},
	"job canceled": func(t *testing.T) {
		h := held(t)
		h.Temporal("workflow", "cancel", "--workflow-id", "half")
		h.release()
		h.Documented("job canceled", h.run)
		h.completes(0) // what was in flight was let end
	},
	"interrupted, with an embedded server": func(t *testing.T) {
		h := &half{Bench: harness.New(t), target: harness.NewTarget(t, harness.Fixed(10*time.Millisecond))}
		h.Write("in", harness.Lines(halfRecords))
		h.args = []string{"in", "--output", "out", "--http", h.target.Template(), "--concurrency", fmt.Sprint(halfLimit)}
		h.run = h.Embedded("state", h.args...)
		h.Until("a quarter of the records requested", func() bool { n, _, _ := h.target.Counts(); return n >= halfRecords/4 })
		h.run.Signal(15)
		h.Documented("interrupted, with an embedded server", h.run)
		h.Embedded("state", h.args...).Ended(0)
		h.Same("out", harness.Oracle(halfRecords))
		h.target.Once(t, halfRecords)
	},
	"too many records failed": func(t *testing.T) {
		b, tg, refusing := refusingTarget(t)
		b.Worker()
		args := []string{"in", "--output", "out", "--http", tg.Template(), "--max-failures", "5"}
		b.Documented("too many records failed", b.Longhaul(args...))
		refusing.Store(false)
		b.Longhaul(append(args, "--max-failures", "100%")...).Wait()
		b.Verify("out").Ended(0)
	},
	"interrupted, with another server": func(t *testing.T) {
		h := held(t)
		h.run.Signal(2)
		h.Documented("interrupted, with another server", h.run)
		h.release()
		h.completes(0)
	},
}

// TestErrorsWordForWord produces each error of docs/guarantees.md: the exit status and the words are those that stand there, what was
// committed is untouched, and the same command goes on once it is mended.
func TestErrorsWordForWord(t *testing.T) {
	rows, err := harness.DocumentedTable(harness.ErrorsHeading)
	harness.Must(t, err)
	for _, row := range rows {
		if f, ok := errorCases[row.Name]; ok {
			t.Run(row.Name, func(t *testing.T) {
				t.Parallel()
				f(t)
			})
		} else if !slices.Contains(systemErrors, row.Name) {
			t.Errorf("no test produces the documented error %q", row.Name)
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(errorCases)), systemErrors) {
		if !slices.ContainsFunc(rows, func(r harness.DocumentedRow) bool { return r.Name == name }) {
			t.Errorf("docs/guarantees.md does not tell of the error %q", name)
		}
	}
}

// changed brings a job about half way, stops it, harms one file, runs the same command, which must say what is documented, and then mends the file.
func changed(t *testing.T, name, file string, harm func(*harness.Bench)) {
	h := held(t)
	harness.Must(t, h.Client.CancelWorkflow(t.Context(), "half", ""))
	h.release()
	h.run.Ended(1)
	h.refused(name, file, harm, func() *harness.Process { return h.Longhaul(h.args...) })
	h.completes(0)
	h.target.Once(t, halfRecords)
}

// changedWhileRunning harms a file while the job's records are in flight, and mends it when the job has failed.
func changedWhileRunning(t *testing.T, name, file string, harm func(*harness.Bench)) {
	h := held(t)
	h.refused(name, file, harm, func() *harness.Process {
		h.release()
		return h.run
	})
	h.completes(heldRecords) // of those read from an input under change, the results are thrown away
}

// refused harms a file, has a process meet that, checks what it says and that nothing committed is touched, and mends the file.
func (h *half) refused(name, file string, harm func(*harness.Bench), meet func() *harness.Process) {
	h.T.Helper()
	content, info := h.Read(file), stat(h.Bench, file)
	harm(h.Bench)
	p := meet()
	p.Wait()
	h.Documented(name, p)
	if file == "in" {
		h.Verify("out").Ended(0)
		if out := h.Read("out"); !bytes.HasPrefix(harness.Oracle(halfRecords), out) || len(out) == 0 {
			h.T.Error("what was committed is not the beginning of the right output")
		}
	}
	h.Write(file, content)
	touch(h.Bench, file, info.ModTime())
}

// heldFrom is the record from which a held job's target answers only when it is released; heldRecords is how many may be asked for until then;
// heldChunk is the records of a chunk.
const heldFrom, heldRecords, heldChunk = 1_000, 500, 50

// heldJob is a job that was brought half way and cannot get further until it is released.
type heldJob struct {
	*half
	release func()
}

// held starts a job of small chunks whose second half is held back, and waits until some of it is committed.
func held(t *testing.T) *heldJob {
	h := &half{Bench: harness.New(t), target: harness.NewTarget(t, harness.Fixed(0))}
	gate := make(chan struct{})
	release := sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release)
	h.target.Latency = func(record string) time.Duration {
		var n int
		fmt.Sscan(record, &n)
		if n >= heldFrom {
			<-gate
		}
		return time.Millisecond
	}
	h.Worker()
	h.Write("in", harness.Lines(halfRecords))
	h.StartJob("half", job.Spec{
		Input: job.Paths{h.Path("in")}, Output: h.Path("out"), Concurrency: halfLimit,
		Task: job.Task{Name: "http", Args: []byte(`{"url":"` + h.target.Template() + `"}`)}, Tuning: job.Tuning{ChunkRecords: heldChunk, Lanes: 4},
		Timeout: job.Duration(10 * time.Minute),
	})
	h.args = []string{"in", "--output", "out", "--http", h.target.Template(), "--concurrency", fmt.Sprint(halfLimit), "--timeout", "10m", "--job", "half"}
	h.run = h.Longhaul(h.args...)
	h.Until("all that can be committed is", func() bool {
		n, _, inFlight := h.target.Counts()
		return n > heldFrom && inFlight == n-heldFrom+1 && committed(h.Bench) >= heldFrom-1-heldChunk
	})
	return &heldJob{h, release}
}

// committed is how many records the output holds, 0 while an append is under way.
func committed(b *harness.Bench) int {
	out, err := os.ReadFile(b.Path("out"))
	manifest, err2 := os.ReadFile(b.Path("out.longhaul/manifest"))
	if err != nil || err2 != nil || !bytes.Contains(manifest, fmt.Appendf(nil, `"outputBytes": %d,`, len(out))) {
		return 0
	}
	return bytes.Count(out, []byte{'\n'})
}

// anotherJob runs a second job on the output of a first.
func anotherJob(t *testing.T, name string, task ...string) {
	b := harness.New(t)
	b.Worker()
	b.Write("in", harness.Lines(5))
	first := []string{"in", "--output", "out", "--task", "echo"}
	want := harness.Lines(5)
	if name == "another's options" {
		first, want = []string{"in", "--output", "out", "--task", "double", "--task-arg", "delay=1ms"}, []byte("2\n4\n6\n8\n10\n")
	}
	b.Longhaul(first...).Ended(0)
	b.Documented(name, b.Longhaul(append([]string{"in", "--output", "out"}, task...)...))
	b.Same("out", want)
	b.Longhaul(first...).Ended(0)
}

// edit replaces a text in a file by another of its length.
func edit(file, from, to string) func(*harness.Bench) {
	return func(b *harness.Bench) {
		b.T.Helper()
		was := b.Read(file)
		if is := bytes.ReplaceAll(was, []byte(from), []byte(to)); len(is) != len(was) || bytes.Equal(is, was) {
			b.T.Errorf("%s is not edited", file)
		} else {
			b.Write(file, is)
		}
	}
}

func touch(b *harness.Bench, file string, when time.Time) {
	b.T.Helper()
	harness.Must(b.T, os.Chtimes(b.Path(file), when, when))
}

func stat(b *harness.Bench, name string) os.FileInfo {
	b.T.Helper()
	info, err := os.Stat(b.Path(name))
	harness.Must(b.T, err)
	return info
}
