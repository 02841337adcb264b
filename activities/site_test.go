package activities_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/longhaul/longhaul/activities"
	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/segment"
	"github.com/longhaul/longhaul/task"
)

// site is an input, an output and a worker with the task "script", which the test writes.
type site struct {
	t    testing.TB
	acts *activities.Activities
	spec job.Spec
	script

	mu      sync.Mutex
	tries   map[int64]int // of each record
	resized int           // most that was said to be in flight
}

// script is the task of a test.
type script func(context.Context, task.Record) (task.Result, error)

func echo(_ context.Context, r task.Record) (task.Result, error) {
	return task.Result{Value: r.Input}, nil
}

// newSite makes a site whose input has the given records.
func newSite(t testing.TB, f script, records ...string) *site {
	dir := t.TempDir()
	s := &site{t: t, script: f, tries: map[int64]int{}}
	s.acts = &activities.Activities{
		Tasks:       task.Registry{"script": func(task.Config) (task.Task, error) { return s, nil }, "echo": task.Builtin()["echo"]},
		StopTimeout: 10 * time.Second, Cluster: "here",
		Alive: func(context.Context, output.Claim) (bool, error) { return false, nil },
	}
	s.spec = job.Spec{
		Input: job.Paths{filepath.Join(dir, "in")}, Output: filepath.Join(dir, "out"), Task: job.Task{Name: "script"},
		Retry: job.Retry{InitialInterval: job.Duration(time.Microsecond), MaximumInterval: job.Duration(time.Millisecond)},
	}.WithDefaults()
	s.write(s.spec.Input[0], lines(records...))
	return s
}

// lines is the records as a file.
func lines(records ...string) string {
	if len(records) == 0 {
		return ""
	}
	return strings.Join(records, "\n") + "\n"
}

// Do implements task.Task.
func (s *site) Do(ctx context.Context, r task.Record) (task.Result, error) {
	s.mu.Lock()
	s.tries[r.Number]++
	s.mu.Unlock()
	return s.script(ctx, r)
}

// Resize implements task.Resizable.
func (s *site) Resize(concurrency int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resized = max(s.resized, concurrency)
}

// tried returns how often each of the first n records was tried since it was asked last.
func (s *site) tried(n int64) (tries []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range n {
		tries = append(tries, s.tries[i])
	}
	s.tries = map[int64]int{}
	return tries
}

func (s *site) prepare() (job.Prepared, error) {
	return do(s.t, circumstances{}, s.acts.Prepare, job.PrepareRequest{Spec: s.spec, FirstRunID: "first"})
}

// prepared is prepare where it must succeed.
func (s *site) prepared() job.Prepared {
	s.t.Helper()
	p, err := s.prepare()
	if err != nil {
		s.t.Fatalf("prepare: %v", err)
	}
	return p
}

// list lists the whole input from a position in chunks of so many records.
func (s *site) list(from job.Position, records int) []job.Chunk {
	s.t.Helper()
	p, err := do(s.t, circumstances{}, s.acts.ListChunks, job.ListRequest{
		Output: s.spec.Output, Record: from.Records, Offset: from.InputOffset, Chunks: 1000, Records: records, Bytes: 1 << 20,
	})
	if err != nil || !p.End {
		s.t.Fatalf("list: %v, end %v", err, p.End)
	}
	return p.Chunks
}

// begin prepares the output and lists the input as one chunk.
func (s *site) begin() job.Chunk {
	s.t.Helper()
	return s.list(s.prepared().Position, 1<<20)[0]
}

// granted tells a chunk's slots from those of another time.
const granted = 77

func (s *site) process(c job.Chunk, slots int, in circumstances) (job.Processed, error) {
	return do(s.t, in, s.acts.ProcessChunk, job.ProcessRequest{Spec: s.spec, Chunk: c, Slots: slots, Granted: granted})
}

// processed is process where it must succeed.
func (s *site) processed(c job.Chunk, slots int) job.Processed {
	s.t.Helper()
	// At the last of the attempts that a few records are given which fail while nothing else tells whether the far side is up.
	p, err := s.process(c, slots, circumstances{attempt: 3})
	if err != nil {
		s.t.Fatalf("process %s: %v", c, err)
	}
	return p
}

func (s *site) append(from job.Position, final bool, chunks ...job.Chunk) (job.Appended, error) {
	return do(s.t, circumstances{}, s.acts.AppendOutput, job.AppendRequest{
		Output: s.spec.Output, Format: s.spec.Format, From: from, Chunks: chunks, Final: final,
	})
}

// appended is append where it must succeed.
func (s *site) appended(from job.Position, final bool, chunks ...job.Chunk) job.Appended {
	s.t.Helper()
	a, err := s.append(from, final, chunks...)
	if err != nil {
		s.t.Fatalf("append: %v", err)
	}
	return a
}

// pass runs a job from where it stands to its end, in chunks of so many records, and returns where it ended.
func (s *site) pass(records, slots int) job.Appended {
	s.t.Helper()
	p := s.prepared()
	chunks := s.list(p.Position, records)
	for _, c := range chunks {
		s.processed(c, slots)
	}
	return s.appended(p.Position, true, chunks...)
}

// manifest reads the output's manifest.
func (s *site) manifest() (output.Manifest, error) { return output.At(fsys.OS, s.spec.Output).Load() }

func (s *site) verify() (output.Verified, error) {
	return output.At(fsys.OS, s.spec.Output).Verify(s.t.Context())
}

func (s *site) write(path, data string) {
	s.t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) read(path string) string {
	s.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// answers returns the output, and failures the errors file.
func (s *site) answers() string  { s.t.Helper(); return s.read(s.spec.Output) }
func (s *site) failures() string { s.t.Helper(); return s.read(job.ErrorsPath(s.spec.Output)) }

func (s *site) segments() string               { return s.spec.Output + ".longhaul/segments" }
func (s *site) segmentPath(c job.Chunk) string { return filepath.Join(s.segments(), segment.Name(c)) }

// wantSegments checks which chunks have a segment.
func (s *site) wantSegments(chunks ...job.Chunk) {
	s.t.Helper()
	entries, err := os.ReadDir(s.segments())
	if err != nil {
		s.t.Fatal(err)
	}
	var got, want []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	for _, c := range chunks {
		want = append(want, segment.Name(c))
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		s.t.Errorf("segments %q, want %q", got, want)
	}
}

// await waits for something that a channel tells, or fails the test where it never comes.
func await[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	v, ok := comes(c)
	if !ok {
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// comes is await for a task, which cannot end the test: it says whether it came.
func comes[T any](c <-chan T) (v T, ok bool) {
	select {
	case v = <-c:
		return v, true
	case <-time.After(20 * time.Second):
		return v, false
	}
}

// eventually says whether what can only be asked for came about.
func eventually(condition func() bool) bool {
	deadline, tick := time.After(20*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

// fork runs f beside the test, and returns a function that waits for it.
func fork[R any](t testing.TB, f func() (R, error)) (join func() (R, error)) {
	type outcome struct {
		r   R
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		r, err := f()
		done <- outcome{r, err}
	}()
	return func() (R, error) {
		t.Helper()
		o := await(t, done, "an activity")
		return o.r, o.err
	}
}
