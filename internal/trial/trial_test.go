package trial

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/longhaul/longhaul/activities"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// function is a task of a test.
type function func(context.Context, task.Record) (task.Result, error)

func (f function) Do(ctx context.Context, r task.Record) (task.Result, error) { return f(ctx, r) }

func echo(_ context.Context, r task.Record) (task.Result, error) {
	return task.Result{Value: r.Input}, nil
}

// site is the Spec of an input with that content, in a folder of its own; temporary files go to another, which must be empty in the end.
func site(t *testing.T, content string, edit func(*job.Spec)) job.Spec {
	t.Helper()
	dir, tmp := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Cleanup(func() {
		if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	path := filepath.Join(dir, "in")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	s := job.Spec{
		Input: job.Paths{path}, Output: filepath.Join(dir, "out"), Task: job.Task{Name: "own"}, Concurrency: 4,
		Retry: job.Retry{MaximumAttempts: 3, InitialInterval: job.Duration(time.Microsecond), MaximumInterval: job.Duration(time.Millisecond)},
	}
	if edit != nil {
		edit(&s)
	}
	return s.WithDefaults()
}

func open(t *testing.T, s job.Spec, stdin io.Reader) *Input {
	t.Helper()
	in, err := Open(t.Context(), s, "job", stdin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	return in
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, i)
	}
	return b.String()
}

func zipped(content string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(content))
	_ = w.Close()
	return b.String()
}

func TestShowDoesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		edit    func(*job.Spec)
		want    string
	}{
		"nothing":     {"", nil, "0 records in 0 chunks or more, "},
		"one":         {"a\n", nil, "record 0: own a\n1 record in 1 chunk or more, "},
		"many":        {numbers(2500), func(s *job.Spec) { s.Tuning.ChunkRecords = 10 }, "record 0: own 0\nrecord 1: own 1\nrecord 2: own 2\n2,500 records in 250 chunks or more, each of 10 records "},
		"a selection": {numbers(10), func(s *job.Spec) { s.Skip, s.Limit = 5, 2 }, "record 5: own 5\nrecord 6: own 6\n2 records in 1 chunk or more, "},
		"a bad row":   {"x\n1\n2,3\n", func(s *job.Spec) { s.InputFormat = job.InputCSV }, "record 0: own '{\"x\":\"1\"}'\nrecord 1: fails: "},
		"gzip":        {zipped("a\n"), nil, "record 0: own a\n1 record in "},
		"a long one":  {strings.Repeat("a", 10_000), nil, "record 0: own " + strings.Repeat("a", 4092) + "… (10,004 bytes in all)\n1 record "},
		"small pages": {numbers(3), func(s *job.Spec) { s.Tuning.ChunkBytes, s.Tuning.ChunkRecords = 1, 2000 }, "record 0: own 0\nrecord 1: own 1\nrecord 2: own 2\n3 records in 3 chunks or more, each of 2,000 records and 1 B at most; nothing was done\n"},
	} {
		t.Run(name, func(t *testing.T) {
			in := open(t, site(t, c.content, c.edit), nil)
			var out bytes.Buffer
			err := Show(t.Context(), in, function(func(context.Context, task.Record) (task.Result, error) {
				t.Error("the task was run")
				return task.Result{}, nil
			}), &out)
			if err != nil || !strings.HasPrefix(out.String(), c.want) {
				t.Errorf("%v, shown:\n%s, want\n%s", err, out.String(), c.want)
			}
		})
	}
}

// do does the first n records and returns the lines and the numbers of those that failed.
func do(t *testing.T, in *Input, n int64, f function) (lines []string, failed []int64, err error) {
	t.Helper()
	err = Do(t.Context(), in, f, n, func(r activities.Tried) error {
		lines = append(lines, string(r.Line))
		if r.Failed != nil {
			failed = append(failed, r.Number)
		}
		return nil
	})
	return lines, failed, err
}

func TestDoDoesTheFirstRecordsInOrder(t *testing.T) {
	in := open(t, site(t, numbers(1000), func(s *job.Spec) { s.Tuning.ChunkRecords = 7; s.Skip = 1 }), nil)
	var mu sync.Mutex
	calls, flying, most := 0, 0, 0
	gate := make(chan struct{})
	lines, failed, err := do(t, in, 100, func(ctx context.Context, r task.Record) (task.Result, error) {
		mu.Lock()
		calls, flying = calls+1, flying+1
		most = max(most, flying)
		if calls == 4 { // the last of the first four lets them go: they are in flight at once
			close(gate)
		}
		mu.Unlock()
		defer func() { mu.Lock(); flying--; mu.Unlock() }()
		<-gate
		if r.Number%10 == 9 {
			return task.Result{}, task.Fail(task.Permanent, errors.New("no"))
		}
		return echo(ctx, r)
	})
	var want []string
	var holes []int64
	for i := range int64(100) {
		if i%10 == 8 {
			want, holes = append(want, ""), append(holes, i+1)
		} else {
			want = append(want, fmt.Sprint(i+1))
		}
	}
	if err != nil || !slices.Equal(lines, want) || !slices.Equal(failed, holes) {
		t.Errorf("%v, lines %q, failed %v", err, lines, failed)
	}
	if calls != 100 || most != 4 {
		t.Errorf("%d tries, %d at once; want 100, 4", calls, most)
	}
}

func TestDoTriesAgain(t *testing.T) {
	for name, c := range map[string]struct {
		fails func(try int) error
		want  string
		tries int
	}{
		"until it succeeds":  {func(try int) error { return map[int]error{1: errors.New("x"), 2: errors.New("x")}[try] }, "a", 3},
		"as often as it may": {func(int) error { return errors.New("x") }, "", 3},
		"not for good":       {func(int) error { return task.Fail(task.Permanent, errors.New("x")) }, "", 1},
		"after a panic":      {func(int) error { panic("x") }, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			in := open(t, site(t, "a\n", nil), nil)
			err := Do(t.Context(), in, function(func(ctx context.Context, r task.Record) (task.Result, error) {
				if err := c.fails(r.Try); err != nil {
					return task.Result{}, err
				}
				return echo(ctx, r)
			}), 10, func(r activities.Tried) error {
				if string(r.Line) != c.want || r.Tries != c.tries || (r.Failed == nil) != (c.want != "") {
					t.Errorf("%+v, line %q", r, r.Line)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestATryHasItsTime(t *testing.T) {
	in := open(t, site(t, "a\n", func(s *job.Spec) { s.Timeout = job.Duration(time.Millisecond); s.Retry.MaximumAttempts = 1 }), nil)
	err := Do(t.Context(), in, function(func(ctx context.Context, _ task.Record) (task.Result, error) {
		<-ctx.Done()
		return task.Result{}, ctx.Err()
	}), 1, func(r activities.Tried) error {
		if r.Failed == nil || r.Failed.Error() != "no answer within 1ms" {
			t.Errorf("failed: %v", r.Failed)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestDoStops stops in the middle, for one reason or another: everything in flight ends first.
func TestDoStops(t *testing.T) {
	full := errors.New("the disk is full")
	for name, c := range map[string]struct {
		emit   error
		cancel bool
		want   error
	}{"when its results cannot be written": {full, false, full}, "when it is told to": {nil, true, context.Canceled}} {
		t.Run(name, func(t *testing.T) {
			in := open(t, site(t, numbers(1000), nil), nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := 0
			err := Do(ctx, in, function(echo), 1000, func(activities.Tried) error {
				if n++; n < 10 {
					return nil
				}
				if c.cancel {
					cancel()
				}
				return c.emit
			})
			if !errors.Is(err, c.want) || n > 20 {
				t.Errorf("%v after %d records", err, n)
			}
		})
	}
}

func TestStandardInputIsReadFirst(t *testing.T) {
	s := site(t, "", func(s *job.Spec) { s.Input = nil })
	lines, _, err := do(t, open(t, s, strings.NewReader(zipped("a\nb\nc\n"))), 2, echo)
	if err != nil || !slices.Equal(lines, []string{"a", "b"}) {
		t.Errorf("%q, %v", lines, err)
	}
	if _, err := Open(t.Context(), s, "job", nil); err == nil || !strings.Contains(err.Error(), "is a terminal") {
		t.Errorf("a terminal: %v", err)
	}
}

func TestABadInputIsRefused(t *testing.T) {
	s := site(t, "", nil)
	s.Input = job.Paths{s.Input[0] + ".gone"}
	if _, err := Open(t.Context(), s, "job", nil); job.KindOf(err) != job.InputUnreadable {
		t.Errorf("got %v", err)
	}
	s = site(t, "a,a\n", func(s *job.Spec) { s.InputFormat = job.InputCSV })
	if _, err := Open(t.Context(), s, "job", nil); job.KindOf(err) != job.InputUnreadable {
		t.Errorf("got %v", err)
	}
}
