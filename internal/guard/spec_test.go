package guard

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
)

func spec(change func(*job.Spec)) job.Spec {
	s := job.Spec{Input: job.Paths{"/data/in"}, Output: "/data/out", Task: job.Task{Name: "http"}, UnpackedBytes: 100}
	s.Tuning.ChunkRecords = 100
	change(&s)
	return s.WithDefaults()
}

// TestWhatAJobMayAskFor has each limit met by its bound, and passed by one more.
func TestWhatAJobMayAskFor(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		change  func(*job.Spec)
		want    string // "" is allowed
	}{
		"a task that is allowed":        {Options{Tasks: []string{"echo", "http"}}, func(*job.Spec) {}, ""},
		"a task that is not":            {Options{Tasks: []string{"echo", "http"}}, func(s *job.Spec) { s.Task.Name = "exec" }, "task.name: this worker does not allow the task exec; it allows echo, http (use one of those, or have the worker's operator allow it with --allow-task)"},
		"any task, where none is":       {Options{Tasks: []string{}}, func(*job.Spec) {}, "task.name: this worker does not allow the task http; it allows none (use one of those, or have the worker's operator allow it with --allow-task)"},
		"an expression":                 {Options{DenySelect: true}, func(s *job.Spec) { s.Select = "." }, "select: this worker does not run expressions (leave selectInput and select out, or have the worker's operator allow them)"},
		"an expression before the task": {Options{DenySelect: true}, func(s *job.Spec) { s.SelectInput = "." }, "select: this worker does not run expressions (leave selectInput and select out, or have the worker's operator allow them)"},
		"none, where none is allowed":   {Options{DenySelect: true}, func(*job.Spec) {}, ""},
		"concurrency at the ceiling":    {Options{Ceilings: Ceilings{Concurrency: 5}}, func(s *job.Spec) { s.Concurrency = 5 }, ""},
		"concurrency above it":          {Options{Ceilings: Ceilings{Concurrency: 5}}, func(s *job.Spec) { s.Concurrency = 6 }, "concurrency: 6 is more than this worker allows, which is 5 (ask for that much at most, or have the worker's operator raise --max-concurrency)"},
		"the default above it":          {Options{Ceilings: Ceilings{Concurrency: 5}}, func(*job.Spec) {}, "concurrency: 64 is more than this worker allows, which is 5 (ask for that much at most, or have the worker's operator raise --max-concurrency)"},
		"timeout at the ceiling":        {Options{Ceilings: Ceilings{Timeout: time.Minute}}, func(s *job.Spec) { s.Timeout = job.Duration(time.Minute) }, ""},
		"timeout above it":              {Options{Ceilings: Ceilings{Timeout: time.Minute}}, func(s *job.Spec) { s.Timeout = job.Duration(time.Hour) }, "timeout: 1h0m0s is more than this worker allows, which is 1m0s (ask for that much at most, or have the worker's operator raise --max-timeout)"},
		"records of a chunk":            {Options{Ceilings: Ceilings{ChunkRecords: 99}}, func(*job.Spec) {}, "tuning.chunkRecords: 100 is more than this worker allows, which is 99 (ask for that much at most, or have the worker's operator raise --max-chunk-records)"},
		"bytes of a chunk":              {Options{Ceilings: Ceilings{ChunkBytes: 10}}, func(s *job.Spec) { s.Tuning.ChunkBytes = 11 }, "tuning.chunkBytes: 11 is more than this worker allows, which is 10 (ask for that much at most, or have the worker's operator raise --max-chunk-bytes)"},
		"chunks of the window":          {Options{Ceilings: Ceilings{WindowChunks: 10}}, func(s *job.Spec) { s.Tuning.WindowChunks = 11 }, "tuning.windowChunks: 11 is more than this worker allows, which is 10 (ask for that much at most, or have the worker's operator raise --max-window-chunks)"},
		"bytes of the window":           {Options{Ceilings: Ceilings{WindowBytes: 10}}, func(s *job.Spec) { s.Tuning.WindowBytes = 11 }, "tuning.windowBytes: 11 is more than this worker allows, which is 10 (ask for that much at most, or have the worker's operator raise --max-window-bytes)"},
		"bytes unpacked":                {Options{Ceilings: Ceilings{UnpackedBytes: 99}}, func(*job.Spec) {}, "unpackedBytes: 100 is more than this worker allows, which is 99 (ask for that much at most, or have the worker's operator raise --max-unpacked)"},
		"all that is at the ceiling":    {Options{Ceilings: Ceilings{ChunkRecords: 100, ChunkBytes: 32 << 20, WindowChunks: 1_000, WindowBytes: 16 << 30, UnpackedBytes: 100}}, func(*job.Spec) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := policy(t, c.options).Job(spec(c.change))
			if c.want == "" && err != nil || c.want != "" && (job.KindOf(err) != job.Refused || err.Error() != "spec: "+c.want) {
				t.Errorf("got  %v\nwant spec: %s", err, c.want)
			}
		})
	}
}

// TestEachPathOfAJobIsWithinTheFolders puts one of them elsewhere at a time.
func TestEachPathOfAJobIsWithinTheFolders(t *testing.T) {
	root := t.TempDir()
	p := policy(t, Options{Roots: []string{root}})
	inside := func(s *job.Spec) {
		s.Input, s.Output, s.Patch = job.Paths{root + "/in", root + "/*.csv"}, root+"/out", &job.Patch{Output: root + "/whole"}
	}
	if err := p.Job(spec(inside)); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*job.Spec){
		"input":             func(s *job.Spec) { s.Input[0] = "/elsewhere" },
		"another input":     func(s *job.Spec) { s.Input[1] = "/elsewhere" },
		"output":            func(s *job.Spec) { s.Output = "/elsewhere" },
		"output of a retry": func(s *job.Spec) { s.Patch.Output = "/elsewhere" },
	} {
		t.Run(name, func(t *testing.T) {
			want := "open /elsewhere: this worker may not use it: outside of " + root + " (use a folder that the worker may use, or have its operator allow this one with --root)"
			err := p.Job(spec(func(s *job.Spec) { inside(s); change(s) }))
			if job.KindOf(err) != job.Refused || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// TestAForgedChunkIsRefused asks for chunks as nobody but an intruder would.
func TestAForgedChunkIsRefused(t *testing.T) {
	p := policy(t, Options{Tasks: []string{"http"}, Ceilings: Ceilings{Concurrency: 8, ChunkRecords: 100}})
	honest := job.ProcessRequest{Slots: 8, Chunk: job.Chunk{Records: 100, Length: 1}, Spec: spec(func(s *job.Spec) { s.Concurrency = 8 })}
	if err := p.Chunk(honest); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		forge func(*job.ProcessRequest)
		want  string
	}{
		"more slots than tasks in flight": {func(q *job.ProcessRequest) { q.Slots = 9 }, "process: slots: 9 is not within 1 to the job's concurrency, which is 8"},
		"no slots":                        {func(q *job.ProcessRequest) { q.Slots = 0 }, "process: slots: 0 is not within 1"},
		"a concurrency of its own":        {func(q *job.ProcessRequest) { q.Spec.Concurrency, q.Slots = 100_000, 100_000 }, "spec: concurrency: 100000 is more than this worker allows"},
		"another task":                    {func(q *job.ProcessRequest) { q.Spec.Task.Name = "exec" }, "spec: task.name: this worker does not allow the task exec"},
		"too many records":                {func(q *job.ProcessRequest) { q.Chunk.Records = 101 }, "spec: chunk.records: 101 is more than this worker allows, which is 100"},
		"records before the first":        {func(q *job.ProcessRequest) { q.Chunk.First = -1 }, "process: chunk: 100 records and 1 bytes, from record -1 and byte 0, are impossible"},
		"nothing":                         {func(q *job.ProcessRequest) { q.Chunk.Length = 0 }, "process: chunk: 100 records and 0 bytes"},
		"an impossible Spec":              {func(q *job.ProcessRequest) { q.Spec.Retry.MaximumAttempts = -1 }, "spec: retry.maximumAttempts: -1 is not within 1 to 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			q := honest
			c.forge(&q)
			if err := p.Chunk(q); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestAForgedListingIsRefused(t *testing.T) {
	root := t.TempDir()
	p := policy(t, Options{Roots: []string{root}, Ceilings: Ceilings{ChunkRecords: 100, ChunkBytes: 100}})
	honest := job.ListRequest{Output: root + "/out", Chunks: 64, Records: 100, Bytes: 100}
	if err := p.List(honest); err != nil {
		t.Error(err)
	}
	for name, forge := range map[string]func(*job.ListRequest){
		"output":  func(q *job.ListRequest) { q.Output = root + "/../out" },
		"chunks":  func(q *job.ListRequest) { q.Chunks = 1 << 40 },
		"records": func(q *job.ListRequest) { q.Records++ },
		"bytes":   func(q *job.ListRequest) { q.Bytes++ },
	} {
		t.Run(name, func(t *testing.T) {
			q := honest
			forge(&q)
			if err := p.List(q); job.KindOf(err) != job.Refused {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTheVariablesThatRequestsMayTell(t *testing.T) {
	for name, c := range map[string]struct {
		allowed  []string
		variable string
		refused  string
	}{
		"any":                       {nil, "API_TOKEN", ""},
		"the worker's own":          {nil, "TEMPORAL_API_KEY", "it is the worker's own"},
		"another of its own":        {nil, "longhaul_key", "it is the worker's own"},
		"one that is named":         {[]string{"API_TOKEN"}, "API_TOKEN", ""},
		"one of a pattern":          {[]string{"API_*"}, "API_TOKEN", ""},
		"one that is not":           {[]string{"API_*"}, "AWS_SECRET_ACCESS_KEY", "this worker tells only API_*"},
		"the worker's own by name":  {[]string{"LONGHAUL_TEST"}, "LONGHAUL_TEST", ""},
		"the worker's own, unnamed": {[]string{"API_*"}, "TEMPORAL_API_KEY", "this worker tells only API_*"},
	} {
		t.Run(name, func(t *testing.T) {
			err := policy(t, Options{Variables: c.allowed}).Variable(c.variable)
			if (c.refused == "") != (err == nil) || err != nil && (job.KindOf(err) != job.Refused || !strings.Contains(err.Error(), c.refused)) {
				t.Errorf("got %v, want %q", err, c.refused)
			}
		})
	}
}

// TestSmallFiles reads a certificate, and none from elsewhere.
func TestSmallFiles(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	if err := errors.Join(os.Mkdir(root, 0o700), os.WriteFile(root+"/ca", []byte("pem"), 0o600), os.WriteFile(dir+"/key", []byte("pem"), 0o600), os.Symlink("../key", root+"/link"),
		os.WriteFile(root+"/large", make([]byte, maxFile+1), 0o600)); err != nil {
		t.Fatal(err)
	}
	p := policy(t, Options{Roots: []string{root}})
	if b, err := p.ReadFile(root + "/ca"); err != nil || string(b) != "pem" {
		t.Errorf("%q, %v", b, err)
	}
	for _, path := range []string{dir + "/key", root + "/link", "/etc/passwd"} {
		if b, err := p.ReadFile(path); job.KindOf(err) != job.Refused {
			t.Errorf("%s: %q, %v", path, b, err)
		}
	}
	if _, err := p.ReadFile(root + "/large"); err == nil || !strings.Contains(err.Error(), "more than 16 MiB") {
		t.Errorf("%v", err)
	}
}

// TestNoPolicyAllowsEverything is the embedded server's worker.
func TestNoPolicyAllowsEverything(t *testing.T) {
	var p *Policy
	if err := errors.Join(p.Job(spec(func(s *job.Spec) { s.Task.Name, s.Concurrency = "exec", job.MaxConcurrency })), p.Chunk(job.ProcessRequest{}), p.List(job.ListRequest{}),
		p.File("/"), p.Variable("TEMPORAL_API_KEY"), p.Close()); err != nil || p.MaxResult() != 0 || p.MaxUnpacked() != 0 {
		t.Error(err)
	}
}

func TestOptionsThatAreWrong(t *testing.T) {
	for name, o := range map[string]Options{
		"a folder that is missing": {Roots: []string{"/no/such/folder"}},
		"a host that is none":      {Hosts: []string{"http://x"}},
		"a variable that is none":  {Variables: []string{"["}},
		"a ceiling below 0":        {Ceilings: Ceilings{Concurrency: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(o); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

// TestRefusalsAreFinal holds the kind, by which Temporal tries nothing again.
func TestRefusalsAreFinal(t *testing.T) {
	b, err := json.Marshal(job.Refused)
	if err != nil || string(b) != `"Refused"` || job.Refused.Retryable() {
		t.Errorf("%s, %v", b, err)
	}
}
