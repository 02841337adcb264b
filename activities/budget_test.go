package activities_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// refusing is a task that refuses words.
func refusing(ctx context.Context, r task.Record) (task.Result, error) {
	if strings.HasPrefix(string(r.Input), "word") {
		return task.Result{}, task.Fail(task.Permanent, errors.New("no number: "+string(r.Input)))
	}
	return echo(ctx, r)
}

// appendWithin is an append under a failure budget.
func (s *site) appendWithin(budget job.Budget, from job.Position, final bool, chunks ...job.Chunk) (job.Appended, error) {
	return do(s.t, circumstances{}, s.acts.AppendOutput, job.AppendRequest{
		Output: s.spec.Output, Format: s.spec.Format, From: from, Chunks: chunks, Final: final, MaxFailures: budget,
	})
}

// The bad stretch begins with record 4: what stands before it is committed, what failed from there on runs again in the next run, what succeeded does not.
func TestAJobStopsBeforeTheChunkThatExceedsItsBudget(t *testing.T) {
	for name, budget := range map[string]job.Budget{"two may fail": "2", "none more than fail before": "1"} {
		t.Run(name, func(t *testing.T) {
			records := []string{"0", "word1", "2", "3", "word4", "word5", "6", "word7", "8", "9"}
			s := newSite(t, refusing, records...)
			p := s.prepared()
			chunks := s.list(p.Position, 2)
			for _, c := range chunks[:4] {
				s.processed(c, 2)
			}
			half := chunks[4] // which is half-done
			s.script = func(ctx context.Context, r task.Record) (task.Result, error) {
				if r.Number == 9 {
					return task.Result{}, errDown
				}
				return task.Result{}, task.Fail(task.Permanent, errors.New("no number: "+string(r.Input)))
			}
			_, err := s.process(half, 1, circumstances{})
			wantKind(t, err, job.Outage)
			s.tried(10)

			rest := chunks[:4]
			for range 2 { // once more from where the output stands then
				_, err = s.appendWithin(budget, p.Position, false, rest...)
				msg := wantKind(t, err, job.TooManyFailures)
				for _, want := range []string{
					"write " + s.spec.Output + ": 3 of 6 records failed, more than " + string(budget) + " may: 3 times no number: … (as record 4, \"word4\")",
					"(record 4 and those behind it are not written: mend the cause, or allow more with --max-failures, and run the same command",
				} {
					if !strings.Contains(msg, want) {
						t.Errorf("it says %s\nand not %s", msg, want)
					}
				}
				if got := s.answers(); got != "0\n\n2\n3\n" {
					t.Errorf("output %q", got)
				}
				if a, err := s.appendWithin(budget, p.Position, false, rest...); rest[0].First == 0 && (err != nil || a.Position.Records != 4) {
					t.Errorf("a retry of the same append: %+v, %v", a, err)
				}
				p.Position, rest = s.readPosition(), chunks[2:4]
			}
			s.wantSegments(chunks[2:]...)

			s.script = echo // the cause is mended
			p = s.prepared()
			for _, c := range chunks[2:] {
				s.processed(c, 2)
			}
			if got := s.tried(10); !slices.Equal(got, []int{0, 0, 0, 0, 1, 1, 0, 1, 1, 1}) {
				t.Errorf("tries %v: those that failed and are not committed, and no others", got)
			}
			a, err := s.appendWithin(budget, p.Position, true, chunks[2:]...)
			if err != nil || a.Totals.Failed != 1 || !a.Complete {
				t.Fatalf("%+v, %v", a, err)
			}
			if got, want := s.answers(), strings.Replace(lines(records...), "word1", "", 1); got != want {
				t.Errorf("output %q, want %q", got, want)
			}
		})
	}
}

// readPosition is where the output stands, by a Prepare that changes nothing else.
func (s *site) readPosition() job.Position {
	s.t.Helper()
	m, err := s.manifest()
	if err != nil {
		s.t.Fatal(err)
	}
	return m.Position
}

func TestAFailureThatIsWithinTheBudgetIsCommitted(t *testing.T) {
	s := newSite(t, refusing, "word0", "1", "word2")
	p := s.prepared()
	chunks := s.list(p.Position, 1)
	for _, c := range chunks {
		s.processed(c, 1)
	}
	if a, err := s.appendWithin("2", p.Position, true, chunks...); err != nil || a.Totals.Failed != 2 || !a.Complete {
		t.Errorf("%+v, %v", a, err)
	}
}

// A slow record keeps the output from coming to the chunks that exceed the budget: the workflow says which those are.
func TestAJobStopsThoughTheOutputHasNotComeThere(t *testing.T) {
	s := newSite(t, refusing, "0", "1", "word2", "word3")
	p := s.prepared()
	chunks := s.list(p.Position, 1)
	for _, c := range chunks[1:] {
		s.processed(c, 1)
	}
	_, err := do(t, circumstances{}, s.acts.AppendOutput, job.AppendRequest{
		Output: s.spec.Output, Format: s.spec.Format, From: p.Position, MaxFailures: "1",
		Stop: &job.Stop{Failed: 2, Records: 3, Chunks: chunks[2:]},
	})
	msg := wantKind(t, err, job.TooManyFailures)
	if !strings.Contains(msg, "2 of 3 records failed, more than 1 may: 2 times no number: … (as record 2, \"word2\") (record 0 and those") {
		t.Errorf("%s", msg)
	}
	s.tried(4)
	s.script = echo
	s.pass(1, 1)
	if got := s.tried(4); !slices.Equal(got, []int{1, 0, 1, 1}) {
		t.Errorf("tries %v", got)
	}
	if got := s.answers(); got != "0\n1\nword2\nword3\n" {
		t.Errorf("output %q", got)
	}
}

// Only a job that stopped for its budget has its failures run again: those of a job that was killed are as final as its results.
func TestAFailureOfAJobThatWasKilledIsNotRunAgain(t *testing.T) {
	s := newSite(t, refusing, "0", "word1")
	s.processed(s.begin(), 1)
	s.tried(2)
	s.pass(2, 1)
	if got := s.tried(2); !slices.Equal(got, []int{0, 0}) {
		t.Errorf("tries %v", got)
	}
}
