package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/task"
)

func TestPrepareRefusesWhatCannotBe(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*site)
		kind   job.Kind
		text   string
	}{
		"unknown task":        {func(s *site) { s.spec.Task.Name = "none" }, job.InvalidSpec, `no task "none"; it has echo, script`},
		"wrong arguments":     {func(s *site) { s.spec.Task = job.Task{Name: "echo", Args: []byte(`{"x": 1}`)} }, job.InvalidSpec, `"x"`},
		"no input":            {func(s *site) { s.spec.Input[0] += "x" }, job.InputUnreadable, "no such file"},
		"input is a folder":   {func(s *site) { s.spec.Input[0] = filepath.Dir(s.spec.Input[0]) }, job.InputUnreadable, "not a regular file"},
		"no folder":           {func(s *site) { s.spec.Output += "/x/out" }, job.Storage, "no such file"},
		"output is a folder":  {func(s *site) { s.spec.Output = filepath.Dir(s.spec.Output) }, job.OutputExists, "not a regular file"},
		"output is not ours":  {func(s *site) { s.write(s.spec.Output, "precious\n") }, job.OutputExists, "longhaul did not begin"},
		"output is the input": {func(s *site) { s.link() }, job.InvalidSpec, "the same file"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, echo, "a")
			tt.change(s)
			_, err := s.prepare()
			if msg := wantKind(t, err, tt.kind); !strings.Contains(msg, tt.text) {
				t.Errorf("message %q, want %q in it", msg, tt.text)
			}
		})
	}
}

// link makes the output another name of the input.
func (s *site) link() {
	if err := os.Link(s.spec.Input[0], s.spec.Output); err != nil {
		s.t.Fatal(err)
	}
	s.spec.Overwrite = true // which would empty it
}

func TestPrepareRefusesAnotherJobsOutput(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*job.Spec)
		text   string // "": it goes on
	}{
		"the same":            {func(*job.Spec) {}, ""},
		"how it runs":         {func(s *job.Spec) { s.Concurrency, s.Timeout, s.Tuning.Lanes = 3, 1, 2 }, ""},
		"spelling":            {func(s *job.Spec) { s.Task.Args = json.RawMessage(` {"b":[1], "a" : 1} `) }, ""},
		"arguments":           {func(s *job.Spec) { s.Task.Args = json.RawMessage(`{"a":2,"b":[1]}`) }, `{"a":2,"b":[1]}`},
		"task":                {func(s *job.Spec) { s.Task = job.Task{Name: "echo"} }, "its task is script, not echo"},
		"format":              {func(s *job.Spec) { s.Format = job.FormatJSON }, "its format is text, not json"},
		"format, but anew":    {func(s *job.Spec) { s.Format, s.Overwrite = job.FormatJSON, true }, ""},
		"arguments, but anew": {func(s *job.Spec) { s.Task.Args, s.Overwrite = nil, true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, echo, "a", "b")
			s.spec.Task.Args = json.RawMessage(`{"a": 1, "b": [1]}`)
			c := s.list(s.prepared().Position, 1)
			s.processed(c[0], 1)
			s.appended(job.Position{}, false, c[0])
			tt.change(&s.spec)
			p, err := do(t, circumstances{run: "next"}, s.acts.Prepare, job.PrepareRequest{Spec: s.spec, FirstRunID: "next"})
			if tt.text != "" {
				if msg := wantKind(t, err, job.SpecChanged); !strings.Contains(msg, tt.text) {
					t.Errorf("message %q", msg)
				}
				return
			}
			want := int64(1)
			if s.spec.Overwrite {
				want = 0
			}
			if err != nil || p.Position.Records != want {
				t.Errorf("%+v, %v; want it at record %d", p, err, want)
			}
		})
	}
}

func TestPrepareAsksWhetherTheJobThatHasTheOutputIsAlive(t *testing.T) {
	asked := errors.New("no answer")
	for name, tt := range map[string]struct {
		cluster string
		alive   bool
		err     error
		busy    bool // a chunk of it is being processed
		kind    job.Kind
	}{
		"it runs":                        {"here", true, nil, false, job.OutputClaimed},
		"it ended":                       {"here", false, nil, false, ""},
		"nobody knows":                   {"here", false, asked, false, job.Unavailable},
		"on another cluster, at work":    {"there", false, nil, true, job.OutputClaimed},
		"on another cluster, not seen":   {"there", true, nil, false, ""},
		"it ended but a chunk does not ": {"here", false, nil, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			release, began := make(chan struct{}), make(chan struct{}, 1)
			s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
				began <- struct{}{}
				<-release
				return echo(ctx, r)
			}, "a")
			s.acts.Cluster = tt.cluster
			c := s.begin()
			join := func() (job.Processed, error) { return job.Processed{}, nil }
			if tt.busy {
				join = fork(t, func() (job.Processed, error) { return s.process(c, 1, circumstances{}) })
				await(t, began, "the chunk")
			}
			// Another job, of another workflow id on another cluster or the same.
			other := newSite(t, echo)
			other.spec = s.spec
			other.acts.Alive = func(_ context.Context, held output.Claim) (bool, error) {
				if held.WorkflowID != "default-test-workflow-id" || held.Cluster != "here" {
					t.Errorf("asked for %+v", held)
				}
				return tt.alive, tt.err
			}
			_, err := do(t, circumstances{workflow: "other"}, other.acts.Prepare, job.PrepareRequest{Spec: other.spec, FirstRunID: "other"})
			if tt.kind == "" && err != nil {
				t.Error(err)
			} else if tt.kind != "" {
				wantKind(t, err, tt.kind)
			}
			close(release)
			if _, err := join(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPrepareKeepsWhatAFormerRunLeftAndRemovesStrays(t *testing.T) {
	s := newSite(t, echo, numbers(12)...)
	chunks := s.list(s.prepared().Position, 2)
	s.processed(chunks[1], 1)
	s.half(chunks[3], func(i int64) bool { return i == 6 })
	s.processed(chunks[4], 1)
	for _, name := range []string{"stray", "00000000000000000002-2.segment.tmp", "00000000000000000011-1.segment"} {
		s.write(filepath.Join(s.segments(), name), "x")
	}
	p := s.prepared()
	var got []job.Chunk
	sealed := []bool{true, false, true}
	for i, seg := range p.Segments {
		got = append(got, seg.Chunk)
		if i < len(sealed) && (seg.Sealed != sealed[i] || seg.Bytes == 0) {
			t.Errorf("segment %+v", seg)
		}
	}
	if len(got) != 3 || got[0] != chunks[1] || got[1] != chunks[3] || got[2] != chunks[4] {
		t.Errorf("kept %v", got)
	}
	s.wantSegments(got...)
}

func TestOverwriteBeginsAnewOncePerJob(t *testing.T) {
	s := newSite(t, echo, "a", "b")
	s.pass(1, 1)
	s.spec.Overwrite = true
	begin := func(first, run string) job.Prepared {
		t.Helper()
		p, err := do(t, circumstances{run: run}, s.acts.Prepare, job.PrepareRequest{Spec: s.spec, FirstRunID: first})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := begin("new", "new"); p.Complete || p.Position != (job.Position{}) || s.answers() != "" {
		t.Fatalf("%+v, output %q", p, s.answers())
	}
	in := circumstances{run: "new"}
	page, err := do(t, in, s.acts.ListChunks, job.ListRequest{Output: s.spec.Output, Chunks: 1, Records: 1, Bytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.process(page.Chunks[0], 1, in); err != nil {
		t.Fatal(err)
	}
	if _, err := do(t, in, s.acts.AppendOutput, job.AppendRequest{Output: s.spec.Output, Format: s.spec.Format, Chunks: page.Chunks}); err != nil {
		t.Fatal(err)
	}
	// The same job in a later run, as after a continue-as-new, goes on.
	if p := begin("new", "later"); p.Position.Records != 1 {
		t.Errorf("%+v, want it to go on at record 1", p)
	}
}
