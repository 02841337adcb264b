package activities_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/internal/guard"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// guarded makes a site whose files are in a root, with a secret file beside it.
func guarded(t *testing.T, o guard.Options, records ...string) (s *site, root, secret string) {
	t.Helper()
	s = newSite(t, echo, records...)
	s.spec.Retry = job.Retry{InitialInterval: job.Duration(time.Millisecond), MaximumInterval: job.Duration(time.Millisecond)}
	s.spec = s.spec.WithDefaults()
	root = filepath.Dir(s.spec.Output)
	secret = filepath.Join(t.TempDir(), "secret")
	s.write(secret, "secret\n")
	o.Roots = []string{root}
	p, err := guard.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	s.acts.Guard = p
	return s, root, secret
}

func (s *site) symlink(to, at string) {
	s.t.Helper()
	if err := os.Symlink(to, at); err != nil {
		s.t.Fatal(err)
	}
}

// TestAJobWithinTheFoldersIsLikeAnyOther, compressed and with a pattern.
func TestAJobWithinTheFoldersIsLikeAnyOther(t *testing.T) {
	s, _, _ := guarded(t, guard.Options{Tasks: []string{"script"}})
	s.inputs(map[string]string{"a.in": "a\nb\n", "b.in": gzipped(t, "c\n")}, "*.in")
	if a := s.pass(2, 1); !a.Complete || s.answers() != "a\nb\nc\n" {
		t.Errorf("%+v, %q", a, s.answers())
	}
}

// TestPrepareRefusesWhatTheOperatorDoesNotAllow, before anything is made.
func TestPrepareRefusesWhatTheOperatorDoesNotAllow(t *testing.T) {
	const outside, link = "this worker may not use it: outside of ", "this worker may not use it: a symbolic link leads out of "
	for name, c := range map[string]struct {
		change func(s *site, root, secret string)
		want   string
	}{
		"an input elsewhere":          {func(s *site, _, secret string) { s.spec.Input[0] = secret }, outside},
		"a pattern elsewhere":         {func(s *site, _, secret string) { s.spec.Input[0] = filepath.Dir(secret) + "/*" }, outside},
		"an output elsewhere":         {func(s *site, _, secret string) { s.spec.Output = secret + ".out" }, outside},
		"a retry of another's output": {func(s *site, _, secret string) { s.spec.Patch = &job.Patch{Output: secret} }, outside},
		"an input by a link":          {func(s *site, root, secret string) { s.symlink(secret, root+"/link"); s.spec.Input[0] = root + "/link" }, link},
		"an input by a folder's link": {func(s *site, root, secret string) {
			s.symlink(filepath.Dir(secret), root+"/link")
			s.spec.Input[0] = root + "/link/secret"
		}, link},
		"a pattern through a link": {func(s *site, root, secret string) {
			s.symlink(filepath.Dir(secret), root+"/link")
			s.spec.Input[0] = root + "/link/*"
		}, "no file matches the pattern"},
		"an output by a link":                {func(s *site, root, secret string) { s.symlink(secret, s.spec.Output) }, link},
		"an output by a link, anew":          {func(s *site, root, secret string) { s.symlink(secret, s.spec.Output); s.spec.Overwrite = true }, link},
		"an output by a link to nothing yet": {func(s *site, root, secret string) { s.symlink(secret+".new", s.spec.Output) }, link},
		"an output by a folder's link": {func(s *site, root, secret string) {
			s.symlink(filepath.Dir(secret), root+"/link")
			s.spec.Output = root + "/link/out"
		}, link},
		"its folder is a link": {func(s *site, _, secret string) { s.symlink(filepath.Dir(secret), s.spec.Output+".longhaul") }, link},
		"a task":               {func(s *site, _, _ string) { s.spec.Task.Name = "echo" }, "task.name: this worker does not allow the task echo; it allows script"},
		"more at once":         {func(s *site, _, _ string) { s.spec.Concurrency = 65 }, "concurrency: 65 is more than this worker allows, which is 64"},
	} {
		t.Run(name, func(t *testing.T) {
			s, root, secret := guarded(t, guard.Options{Tasks: []string{"script"}, Ceilings: guard.Ceilings{Concurrency: 64}}, "a")
			c.change(s, root, secret)
			before := tree(t, root) + tree(t, filepath.Dir(secret))
			_, err := s.prepare()
			kind := job.Refused
			if strings.HasPrefix(c.want, "no file") {
				kind = job.InputUnreadable
			}
			if msg := wantKind(t, err, kind); !strings.Contains(msg, c.want) {
				t.Errorf("%s, want %s", msg, c.want)
			}
			if after := tree(t, root) + tree(t, filepath.Dir(secret)); after != before {
				t.Errorf("it left something:\n%sbefore:\n%s", after, before)
			}
		})
	}
}

// TestATaskThatIsMissingIsNotTheOperatorsMatter: it is a mistake of the Spec, as ever.
func TestATaskThatIsMissingIsNotTheOperatorsMatter(t *testing.T) {
	s, _, _ := guarded(t, guard.Options{Tasks: []string{"script"}}, "a")
	s.spec.Task.Name = "none"
	_, err := s.prepare()
	if msg := wantKind(t, err, job.InvalidSpec); !strings.Contains(msg, `this worker has no task "none"`) {
		t.Error(msg)
	}
}

// tree is the files below a folder, with what they hold.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		b.WriteString(path)
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b.Write(data)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestALinkThatIsPutInPlaceLaterIsNotFollowedOut: of the input, of the segments' folder, of the output and of the manifest, after Prepare has seen them.
func TestALinkThatIsPutInPlaceLaterIsNotFollowedOut(t *testing.T) {
	exchange := func(s *site, path, by string) {
		s.t.Helper()
		if err := os.RemoveAll(path); err != nil {
			s.t.Fatal(err)
		}
		s.symlink(by, path)
	}
	process := func(s *site, c job.Chunk) error { _, err := s.process(c, 1, circumstances{}); return err }
	for name, c := range map[string]struct {
		exchange func(s *site, secret string)
		then     func(s *site, c job.Chunk) error
	}{
		"the input, listed": {func(s *site, secret string) { exchange(s, s.spec.Input[0], secret) }, func(s *site, _ job.Chunk) error {
			_, err := do(s.t, circumstances{}, s.acts.ListChunks, job.ListRequest{Output: s.spec.Output, Chunks: 1, Records: 1, Bytes: 1})
			return err
		}},
		"the input, read":       {func(s *site, secret string) { exchange(s, s.spec.Input[0], secret) }, process},
		"the segments' folder":  {func(s *site, secret string) { exchange(s, s.segments(), filepath.Dir(secret)) }, process},
		"the job's folder":      {func(s *site, secret string) { exchange(s, s.spec.Output+".longhaul", filepath.Dir(secret)) }, process},
		"the output, appended":  {func(s *site, secret string) { exchange(s, s.spec.Output, secret) }, (*site).end},
		"the errors' file":      {func(s *site, secret string) { exchange(s, job.ErrorsPath(s.spec.Output), secret) }, (*site).end},
		"the manifest, read":    {func(s *site, secret string) { exchange(s, s.spec.Output+".longhaul/manifest", secret) }, process},
		"the lock of an append": {func(s *site, secret string) { exchange(s, s.spec.Output+".longhaul/lock", secret) }, (*site).end},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, secret := guarded(t, guard.Options{}, "a", "b")
			chunk := s.begin()
			c.exchange(s, secret)
			before := tree(t, filepath.Dir(secret))
			if msg := wantKind(t, c.then(s, chunk), job.Refused); !strings.Contains(msg, "a symbolic link leads out of ") {
				t.Error(msg)
			}
			if after := tree(t, filepath.Dir(secret)); after != before {
				t.Errorf("it wrote elsewhere:\n%s", after)
			}
		})
	}
}

// end processes a chunk and appends it as the last.
func (s *site) end(c job.Chunk) error {
	s.processed(c, 1)
	_, err := s.append(job.Position{}, true, c)
	return err
}

// TestForgedRequestsAreRefused calls activities as whoever may start workflows can: with paths and numbers that no workflow of longhaul would give.
func TestForgedRequestsAreRefused(t *testing.T) {
	s, root, secret := guarded(t, guard.Options{Tasks: []string{"script"}, Ceilings: guard.Ceilings{Concurrency: 4, ChunkRecords: 10}}, "a", "b")
	s.spec.Concurrency, s.spec.Tuning.ChunkRecords = 4, 10
	s.prepared()
	chunk := s.list(job.Position{}, 10)[0]
	before := tree(t, root) + tree(t, filepath.Dir(secret))
	honest := job.ProcessRequest{Spec: s.spec, Chunk: chunk, Slots: 4}
	process := func(forge func(*job.ProcessRequest)) error {
		q := honest
		forge(&q)
		_, err := do(t, circumstances{}, s.acts.ProcessChunk, q)
		return err
	}
	appending := func(q job.AppendRequest) error {
		_, err := do(t, circumstances{}, s.acts.AppendOutput, q)
		return err
	}
	for name, forged := range map[string]error{
		"slots":               process(func(q *job.ProcessRequest) { q.Slots = 5 }),
		"concurrency":         process(func(q *job.ProcessRequest) { q.Spec.Concurrency, q.Slots = 1000, 1000 }),
		"task":                process(func(q *job.ProcessRequest) { q.Spec.Task.Name = "exec" }),
		"records":             process(func(q *job.ProcessRequest) { q.Chunk.Records = 11 }),
		"output":              process(func(q *job.ProcessRequest) { q.Spec.Output = secret }),
		"output with dots":    process(func(q *job.ProcessRequest) { q.Spec.Output = root + "/../../" + secret }),
		"append elsewhere":    appending(job.AppendRequest{Output: secret, Chunks: []job.Chunk{chunk}}),
		"append by dots":      appending(job.AppendRequest{Output: root + "/x/../../../" + secret}),
		"append, no absolute": appending(job.AppendRequest{Output: "out"}),
		"list": func() error {
			_, err := do(t, circumstances{}, s.acts.ListChunks, job.ListRequest{Output: secret})
			return err
		}(),
		"patch": func() error {
			_, err := do(t, circumstances{}, s.acts.PatchOutput, job.PatchRequest{Output: secret, From: s.spec.Output})
			return err
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			wantKind(t, forged, job.Refused)
		})
	}
	if after := tree(t, root) + tree(t, filepath.Dir(secret)); after != before {
		t.Errorf("they left something:\n%s", after)
	}
	s.processed(chunk, 4)
}

// TestAResultAboveTheCeilingFailsItsRecordOnly.
func TestAResultAboveTheCeilingFailsItsRecordOnly(t *testing.T) {
	s, _, _ := guarded(t, guard.Options{Ceilings: guard.Ceilings{ResultBytes: 3}}, "abc", "abcd", "a")
	s.script = func(_ context.Context, r task.Record) (task.Result, error) { return task.Result{Value: r.Input}, nil }
	if a := s.pass(3, 1); a.Totals.Failed != 1 || s.answers() != "abc\n\na\n" {
		t.Errorf("%+v, %q", a, s.answers())
	}
	if want := "the result has 4 bytes, more than this worker allows, which is 3"; !strings.Contains(s.failures(), want) {
		t.Errorf("%s, want %s", s.failures(), want)
	}
}

// TestABombIsRefusedByTheWorkersCeiling, where the job asks for nothing.
func TestABombIsRefusedByTheWorkersCeiling(t *testing.T) {
	s, _, _ := guarded(t, guard.Options{Ceilings: guard.Ceilings{UnpackedBytes: 1999}})
	s.inputs(map[string]string{"a.gz": gzipped(t, strings.Repeat("a\n", 1000))}, "a.gz")
	_, err := s.prepare()
	if msg := wantKind(t, err, job.InputUnreadable); !strings.Contains(msg, "unpack to more than 1999") {
		t.Errorf("message %q", msg)
	}
	s.spec.UnpackedBytes = 2000
	_, err = s.prepare()
	if msg := wantKind(t, err, job.Refused); !strings.Contains(msg, "unpackedBytes: 2000 is more than this worker allows, which is 1999") {
		t.Errorf("message %q", msg)
	}
}

// TestWhatIsMadeIsTheOwnersAlone: folders and what is in them; the output itself is as the umask says.
func TestWhatIsMadeIsTheOwnersAlone(t *testing.T) {
	s, root, _ := guarded(t, guard.Options{})
	s.inputs(map[string]string{"b.in": gzipped(t, "c\nd\n")}, "b.in")
	p := s.prepared()
	s.processed(s.list(p.Position, 2)[0], 1)
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.Contains(path, ".longhaul") {
			return err
		}
		seen++
		fi, err := d.Info()
		if err == nil && fi.Mode().Perm()&0o077 != 0 && path != job.ErrorsPath(s.spec.Output) {
			err = errors.New(path + " has mode " + fi.Mode().String())
		}
		return err
	})
	if err != nil || seen < 6 { // the folder, the manifest, the lock, the segments and one of them, what was unpacked
		t.Errorf("%d files, %v", seen, err)
	}
}

// TestATargetAboveTheCeilingIsNotFollowed further than to there, and the workflow is told.
func TestATargetAboveTheCeilingIsNotFollowed(t *testing.T) {
	t.Parallel()
	h, tasks := newHelm(t), newHeld()
	s, _, _ := guarded(t, guard.Options{Ceilings: guard.Ceilings{Concurrency: 4}}, numbers(20)...)
	s.script, s.spec.Concurrency = tasks.run, 4
	c := s.begin()
	h.says(job.Target{Slots: 2})
	join := fork(t, func() (job.Processed, error) { return s.process(c, 2, circumstances{client: h.stub}) })
	tasks.begin(t, 2)
	h.steers(job.Target{Revision: 1, Slots: 100})
	h.wantAnswer(4, 1)
	tasks.begin(t, 2)
	tasks.want(t, 4, 4)
	close(tasks.release)
	if p, err := join(); err != nil || p.Ran != 20 {
		t.Errorf("%+v, %v", p, err)
	}
}
