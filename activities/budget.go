package activities

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"go.temporal.io/sdk/activity"

	"github.com/longhaul/longhaul/failures"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/segment"
)

// errBudget stops a commit before the chunk with which more records have failed than may.
var errBudget = errors.New("more records failed than may")

const (
	// namedCauses is how many causes the error of a job that stopped for its failure budget names.
	namedCauses = 3
	// talliedFailures is how many failed records those are reckoned from.
	talliedFailures = 100_000
)

// stopForFailures commits what stands before the bad chunk, and returns the error that ends the job. The records that failed from there on are run again by the next run.
func (a *Activities) stopForFailures(ctx context.Context, out output.Output, q job.AppendRequest, bad int) error {
	stretch, good := q.Chunks[bad:], q
	good.Chunks, good.Final, good.Stop = q.Chunks[:bad], false, nil
	m, _, err := a.commit(ctx, out, good)
	if err == nil {
		err = a.removeSegments(out, m, good.Chunks)
	}
	if err != nil {
		return err
	}
	s := q.Stop
	if s == nil {
		s = &job.Stop{Failed: m.Totals.Failed, Records: m.Answered() + int64(stretch[0].Records), Chunks: stretch}
		r, err := segment.OpenReader(a.fs(), out.Segments(), segment.Generation(m.GenerationBytes()), stretch[0])
		if err != nil {
			return err
		}
		s.Failed += r.Summary().Failed
		if err := r.Close(); err != nil {
			return err
		}
	}
	tally := failures.Tally{Samples: 1}
	for _, c := range s.Chunks {
		if err := a.tally(ctx, out, m, c, q.Format, &tally); err != nil {
			return err
		}
	}
	if err := out.Rerun(ctx, a.claim(ctx)); err != nil {
		return err
	}
	return &job.Error{
		Kind: job.TooManyFailures, Op: "write", Path: q.Output,
		Err: fmt.Errorf("%d of %d records failed, more than %s may: %s", s.Failed, s.Records, q.MaxFailures, tally.Summary(namedCauses)),
		Hint: fmt.Sprintf("record %d and those behind it are not written: mend the cause, or allow more with --max-failures, and run the same command: it runs again what failed of them, and goes on",
			m.Position.Records),
	}
}

// tally counts the failures of a sealed segment. One that is missing or damaged says nothing.
func (a *Activities) tally(ctx context.Context, out output.Output, m output.Manifest, c job.Chunk, format job.Format, t *failures.Tally) error {
	r, err := segment.OpenReader(a.fs(), out.Segments(), segment.Generation(m.GenerationBytes()), c)
	if errors.Is(err, fs.ErrNotExist) || segment.IsDamage(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	if r.Summary().Failed == 0 {
		return nil
	}
	for i := range c.Records {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if t.Total >= talliedFailures {
			return nil
		}
		f, err := r.Read(i)
		if err != nil || f.Status != segment.Failure {
			continue
		}
		_, line, err := failureLines(format, f.Payload)
		if err != nil {
			return err
		}
		record, err := failures.Decode(line)
		if err != nil {
			return err
		}
		t.Add(record)
	}
	return nil
}

// rerun takes the failures out of what a run left beyond the position that stopped for its failure budget.
func (a *Activities) rerun(ctx context.Context, out output.Output, m output.Manifest) error {
	if !m.Rerun {
		return nil
	}
	g := segment.Generation(m.GenerationBytes())
	segments, _, err := segment.List(a.fs(), out.Segments(), g, m.Position.Records)
	if err != nil {
		return unknownVersion(out, err)
	}
	var dropped int64
	for _, s := range segments {
		n, err := segment.DropFailures(ctx, a.fs(), out.Segments(), g, s.Chunk)
		if err != nil {
			return err
		}
		dropped += n
	}
	activity.GetLogger(ctx).Info("the job had stopped for its failure budget; what failed and is not written runs again", "records", dropped)
	return out.Rerunning(ctx, a.claim(ctx))
}
