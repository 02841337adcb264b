package activities_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/segment"
	"github.com/longhaul/longhaul/task"
)

// numbers is n records: "0", "1", ...
func numbers(n int) (records []string) {
	for i := range n {
		records = append(records, strconv.Itoa(i))
	}
	return records
}

// half runs a chunk of a site of numbers in such a way that the records for which done is true are in the segment, and no other.
func (s *site) half(c job.Chunk, done func(record int64) bool) {
	s.t.Helper()
	script := s.script
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	left := 0
	for i := c.First; i < c.End(); i++ {
		if done(i) {
			left++
		}
	}
	ended := make(chan struct{}, c.Records)
	s.script = func(ctx context.Context, r task.Record) (task.Result, error) {
		if done(r.Number) {
			ended <- struct{}{}
			return echo(ctx, r)
		}
		<-ctx.Done()
		return task.Result{}, ctx.Err()
	}
	s.acts.StopTimeout = 0
	join := fork(s.t, func() (job.Processed, error) { return s.process(c, c.Records, circumstances{ctx: ctx}) })
	for range left {
		await(s.t, ended, "a record")
	}
	cancel()
	if _, err := join(); err == nil {
		s.t.Fatal("half a chunk was processed as a whole")
	}
	s.script = script
	s.tried(0)
}

func TestAHalfDoneChunkRunsOnlyWhatIsMissing(t *testing.T) {
	for name, done := range map[string]func(int64) bool{
		"none":      func(int64) bool { return false },
		"the first": func(i int64) bool { return i == 0 },
		"the last":  func(i int64) bool { return i == 9 },
		"odd ones":  func(i int64) bool { return i%2 == 1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, echo, numbers(10)...)
			c := s.begin()
			s.half(c, done)
			p := s.processed(c, 3)
			ran := 0
			for i, n := range s.tried(10) {
				if (n == 0) != done(int64(i)) || n > 1 {
					t.Errorf("record %d: done before %v, run %d times", i, done(int64(i)), n)
				}
				ran += n
			}
			if p.Ran != ran || p.Committed {
				t.Errorf("%+v, where %d records were run", p, ran)
			}
			s.appended(job.Position{}, true, c)
			if got := s.answers(); got != lines(numbers(10)...) {
				t.Errorf("output %q", got)
			}
		})
	}
}

func TestASealedChunkRunsNothing(t *testing.T) {
	s := newSite(t, scripted, "a", "fail", "c")
	c := s.begin()
	first := s.processed(c, 2)
	s.tried(0)
	again := s.processed(c, 2)
	if got := s.tried(3); slices.Max(got) != 0 {
		t.Errorf("tries %v of a sealed chunk", got)
	}
	first.Ran, first.Failure, first.ElapsedMicros = 0, nil, again.ElapsedMicros
	if again != first || again.Failed != 1 || again.Bytes == 0 {
		t.Errorf("%+v, want what the first attempt answered: %+v", again, first)
	}
}

func TestATornSegmentLosesNoMoreThanItsTail(t *testing.T) {
	for name, tt := range map[string]struct {
		done int64 // records in the segment
		torn int   // bytes cut off it
		runs int
	}{
		"the last frame":       {5, 1, 6},
		"the index, of all":    {10, 1, 0},
		"all but the header":   {5, 5 * 25, 10},
		"a part of the header": {5, 5*25 + 1, 10},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, echo, numbers(10)...)
			c := s.begin()
			if tt.done == 10 {
				s.processed(c, 1)
				s.tried(0)
			} else {
				s.half(c, func(i int64) bool { return i < tt.done })
			}
			b := s.read(s.segmentPath(c))
			s.write(s.segmentPath(c), b[:len(b)-tt.torn])
			if p := s.processed(c, 1); p.Ran != tt.runs {
				t.Errorf("%d records were run, want %d", p.Ran, tt.runs)
			}
			ran := 0
			for _, n := range s.tried(10) {
				ran += n
			}
			if ran != tt.runs {
				t.Errorf("%d records were run, want %d", ran, tt.runs)
			}
			s.appended(job.Position{}, true, c)
			if got := s.answers(); got != lines(numbers(10)...) {
				t.Errorf("output %q", got)
			}
		})
	}
}

func TestACommittedChunkIsNotRunAgain(t *testing.T) {
	s := newSite(t, echo, numbers(4)...)
	p := s.prepared()
	chunks := s.list(p.Position, 2)
	s.processed(chunks[0], 1)
	s.appended(p.Position, false, chunks[0])
	s.tried(0)
	got, err := s.process(chunks[0], 1, circumstances{})
	if err != nil || got != (job.Processed{Committed: true}) {
		t.Errorf("%+v, %v", got, err)
	}
	if n := slices.Max(s.tried(4)); n > 0 {
		t.Errorf("a record was run %d times", n)
	}
	s.wantSegments()
	if p := s.processed(chunks[1], 1); p.Committed || p.Ran != 2 {
		t.Errorf("the chunk at the position: %+v", p)
	}
}

func TestEachActivityRefusesALostClaim(t *testing.T) {
	s := newSite(t, echo, numbers(4)...)
	p := s.prepared()
	c := s.list(p.Position, 2)[0]
	s.processed(c, 1)
	// A later run of the same workflow has claimed the output.
	later := circumstances{run: "later"}
	if _, err := do(t, later, s.acts.Prepare, job.PrepareRequest{Spec: s.spec}); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func() error{
		"list": func() error {
			_, err := do(t, circumstances{}, s.acts.ListChunks, job.ListRequest{Output: s.spec.Output, Chunks: 1, Records: 1, Bytes: 1})
			return err
		},
		"process": func() error { _, err := s.process(c, 1, circumstances{}); return err },
		"append":  func() error { _, err := s.append(p.Position, false, c); return err },
	} {
		t.Run(name, func(t *testing.T) {
			wantKind(t, f(), job.ClaimLost)
		})
	}
	if got := s.answers(); got != "" {
		t.Errorf("output %q", got)
	}
	if _, err := s.process(c, 1, later); err != nil {
		t.Errorf("the run that has the claim: %v", err)
	}
}

// meanwhile does something, once, when a file of that name is about to be opened for writing.
type meanwhile struct {
	fsys.FS
	name string
	done atomic.Bool
	do   func()
}

func (m *meanwhile) OpenWrite(name string, create bool, perm fs.FileMode) (fsys.File, error) {
	if filepath.Base(name) == m.name && m.done.CompareAndSwap(false, true) {
		m.do()
	}
	return m.FS.OpenWrite(name, create, perm)
}

// What a chunk learned of the output before it had its segment may have changed when it has it.
func TestAChunkLooksAtTheOutputAgainWhenItHasItsSegment(t *testing.T) {
	begin := func(t *testing.T) (*site, job.Position, job.Chunk) {
		s := newSite(t, echo, "a")
		p := s.prepared()
		return s, p.Position, s.list(p.Position, 1)[0]
	}
	t.Run("another run has claimed it", func(t *testing.T) {
		s, _, c := begin(t)
		s.acts.FS = &meanwhile{FS: fsys.OS, name: segment.Name(c), do: func() {
			if _, err := do(t, circumstances{run: "later"}, s.acts.Prepare, job.PrepareRequest{Spec: s.spec}); err != nil {
				t.Error(err)
			}
		}}
		_, err := s.process(c, 1, circumstances{})
		wantKind(t, err, job.ClaimLost)
		if n := s.tried(1)[0]; n > 0 {
			t.Errorf("the record was tried %d times", n)
		}
	})
	t.Run("the chunk has been committed", func(t *testing.T) {
		s, from, c := begin(t)
		s.acts.FS = &meanwhile{FS: fsys.OS, name: segment.Name(c), do: func() {
			s.processed(c, 1)
			s.appended(from, false, c)
		}}
		got, err := s.process(c, 1, circumstances{attempt: 2})
		if err != nil || got != (job.Processed{Committed: true}) {
			t.Errorf("%+v, %v", got, err)
		}
		if n := s.tried(1)[0]; n != 1 {
			t.Errorf("the record was tried %d times", n)
		}
		s.wantSegments()
	})
}

// A second attempt beside one that still runs, as after a lost heartbeat, waits for it to let go.
func TestASecondAttemptWaitsForTheFirst(t *testing.T) {
	started, release := make(chan struct{}, 1), make(chan struct{})
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) {
		started <- struct{}{}
		<-release
		return echo(ctx, r)
	}, "a")
	c := s.begin()
	first := fork(t, func() (job.Processed, error) { return s.process(c, 1, circumstances{}) })
	await(t, started, "the first attempt")

	// One that is canceled while it waits gives up.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.process(c, 1, circumstances{ctx: ctx}); err == nil {
		t.Error("a second attempt did not wait for the lock")
	}
	second := fork(t, func() (job.Processed, error) { return s.process(c, 1, circumstances{attempt: 2}) })
	close(release)
	if p, err := first(); err != nil || p.Ran != 1 {
		t.Errorf("first: %+v, %v", p, err)
	}
	if p, err := second(); err != nil || p.Ran != 0 {
		t.Errorf("second: %+v, %v", p, err)
	}
	if got := s.tried(1); got[0] != 1 {
		t.Errorf("the record was run %d times", got[0])
	}
}

func TestASegmentOfAnUnknownVersionIsNotTouched(t *testing.T) {
	s := newSite(t, echo, numbers(2)...)
	c := s.begin()
	s.processed(c, 1)
	b := []byte(s.read(s.segmentPath(c)))
	b[8]++ // the version
	s.write(s.segmentPath(c), string(b))
	_, err := s.process(c, 1, circumstances{})
	wantKind(t, err, job.UnknownVersion)
	_, err = s.prepare()
	wantKind(t, err, job.UnknownVersion)
	if got := s.read(s.segmentPath(c)); got != string(b) {
		t.Error("the segment was changed")
	}
}

func TestAnOutputThatIsGoneIsAnErrorOfTheStorage(t *testing.T) {
	s := newSite(t, echo, numbers(2)...)
	c := s.begin()
	if err := os.RemoveAll(s.spec.Output + ".longhaul"); err != nil {
		t.Fatal(err)
	}
	_, err := s.process(c, 1, circumstances{})
	if msg := wantKind(t, err, job.Storage); !strings.Contains(msg, s.spec.Output) || !strings.Contains(msg, "restore") {
		t.Errorf("message %q", msg)
	}
}
