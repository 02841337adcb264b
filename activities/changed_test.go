package activities_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// alter writes other bytes into the input, with another modification time or the same.
func (s *site) alter(data string, sameTime bool) {
	s.t.Helper()
	fi, err := os.Stat(s.spec.Input[0])
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(s.spec.Input[0], data)
	at := fi.ModTime()
	if !sameTime {
		at = at.Add(time.Second)
	}
	if err := os.Chtimes(s.spec.Input[0], at, at); err != nil {
		s.t.Fatal(err)
	}
}

func TestAChangedInputIsFoundOut(t *testing.T) {
	const before = "aa\nbb\ncc\n"
	for name, tt := range map[string]struct {
		after    string
		sameTime bool
		list     bool // found out by the listing already
	}{
		"its time only":                 {before, false, true},
		"other bytes":                   {"aa\nbX\ncc\n", false, true},
		"longer":                        {before + "dd\n", true, true},
		"shorter":                       {"aa\nbb\n", true, true},
		"other bytes of the same time":  {"aa\nbX\ncc\n", true, false},
		"other lines of the same time":  {"a\na\nbbcc\n", true, false},
		"fewer lines of the same time":  {"aa\nbb\nccc", true, false},
		"the last line of another kind": {"aa\nbb\nccX", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, echo, "aa", "bb", "cc")
			p := s.prepared()
			c := s.list(p.Position, 10)[0]
			s.alter(tt.after, tt.sameTime)
			_, err := s.process(c, 1, circumstances{})
			if msg := wantKind(t, err, job.InputChanged); !strings.Contains(msg, s.spec.Input[0]) || !strings.Contains(msg, "restore") {
				t.Errorf("message %q", msg)
			}
			_, err = do(t, circumstances{}, s.acts.ListChunks, job.ListRequest{
				Output: s.spec.Output, Chunks: 10, Records: 10, Bytes: 1 << 20,
			})
			if tt.list {
				wantKind(t, err, job.InputChanged)
			}
			_, err = s.prepare()
			wantKind(t, err, job.InputChanged)

			// Restored, it goes on.
			s.alter(before, true)
			if err := os.Chtimes(s.spec.Input[0], time.Time{}, s.modified()); err != nil {
				t.Fatal(err)
			}
			s.pass(10, 1)
			if got := s.answers(); got != before {
				t.Errorf("output %q", got)
			}
		})
	}
}

// modified is the time of the input that the manifest has.
func (s *site) modified() time.Time {
	s.t.Helper()
	text := s.read(s.spec.Output + ".longhaul/manifest")
	_, after, _ := strings.Cut(text, `"modified": "`)
	stamp, _, _ := strings.Cut(after, `"`)
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		s.t.Fatal(err)
	}
	return at
}

// The change may come while the chunk runs, or be found only when its last record was read: what was answered by then answers other records.
func TestNoAnswerOfAChangedInputIsKept(t *testing.T) {
	s := newSite(t, nil, numbers(10)...)
	c := s.begin()
	s.alter(strings.ReplaceAll(lines(numbers(10)...), "3", "X"), true)
	s.script = echo
	_, err := s.process(c, 1, circumstances{})
	wantKind(t, err, job.InputChanged)
	s.alter(lines(numbers(10)...), true)
	s.processed(c, 1)
	s.appended(job.Position{}, true, c)
	if got := s.answers(); got != lines(numbers(10)...) {
		t.Errorf("output %q after the input was restored", got)
	}
}

func TestAnInputThatWasMovedIsFoundByItsNewName(t *testing.T) {
	s := newSite(t, echo, numbers(4)...)
	p := s.prepared()
	chunks := s.list(p.Position, 2)
	s.processed(chunks[0], 1)
	s.appended(p.Position, false, chunks[0])
	moved := s.spec.Input[0] + ".moved"
	if err := os.Rename(s.spec.Input[0], moved); err != nil {
		t.Fatal(err)
	}
	s.spec.Input[0] = moved
	s.pass(2, 1)
	if got := s.answers(); got != lines(numbers(4)...) {
		t.Errorf("output %q", got)
	}
}

func TestAnInputThatIsGoneIsNamed(t *testing.T) {
	s := newSite(t, func(ctx context.Context, r task.Record) (task.Result, error) { return echo(ctx, r) }, "a")
	c := s.begin()
	if err := os.Remove(s.spec.Input[0]); err != nil {
		t.Fatal(err)
	}
	_, err := s.process(c, 1, circumstances{})
	if msg := wantKind(t, err, job.InputUnreadable); !strings.Contains(msg, s.spec.Input[0]) {
		t.Errorf("message %q", msg)
	}
	_, err = s.prepare()
	wantKind(t, err, job.InputUnreadable)
}
