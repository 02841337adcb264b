package activities

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"go.temporal.io/sdk/activity"

	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/segment"
)

// AppendOutput implements job.Activities.
func (a *Activities) AppendOutput(ctx context.Context, q job.AppendRequest) (job.Appended, error) {
	stop := heartbeat(ctx, nil)
	defer stop()
	r, err := a.appendOutput(ctx, q)
	fault.Point(job.ActivityAppendOutput)
	return r, failure(err)
}

func (a *Activities) appendOutput(ctx context.Context, q job.AppendRequest) (job.Appended, error) {
	out := a.output(q.Output)
	asked := q.Chunks
	m, bad, err := a.commit(ctx, out, q)
	if errors.Is(err, errBudget) {
		return job.Appended{}, a.stopForFailures(ctx, out, q, bad)
	}
	if err == nil && bad >= 0 {
		if err = segment.Unseal(a.fs(), out.Segments(), q.Chunks[bad]); err == nil {
			q.Chunks, q.Final = q.Chunks[:bad], false
			m, _, err = a.commit(ctx, out, q)
		}
	}
	if err == nil {
		err = a.removeSegments(out, m, q.Chunks)
	}
	if err == nil && q.Stop != nil {
		err = a.stopForFailures(ctx, out, q, len(q.Chunks))
	}
	if err == nil && m.Complete {
		err = a.removeInputs(out)
	}
	if err != nil {
		return job.Appended{}, err
	}
	r := job.Appended{Position: m.Position, Totals: m.Totals, OutputDigest: m.OutputDigest.SHA256, Complete: m.Complete}
	if m.Spec.Order == job.OrderCompletion {
		r.Taken, r.Further = taken(m, asked, q.Answered)
	}
	return r, nil
}

// commit appends the chunks' segments as one, or none of them: bad is the index of the first that is missing or damaged, else -1.
func (a *Activities) commit(ctx context.Context, out output.Output, q job.AppendRequest) (m output.Manifest, bad int, err error) {
	tx, m, err := out.Append(ctx, a.claim(ctx), q.From)
	if tx == nil || err != nil {
		return m, -1, err
	}
	defer func() { err = errors.Join(err, tx.Close()) }()
	var totals job.Totals
	records, offset, answered := q.From.Records, q.From.InputOffset, m.Answered()
	for i, c := range q.Chunks {
		t, err := a.writeSegment(ctx, out, tx, m, c, q.Format)
		if errors.Is(err, fs.ErrNotExist) || segment.IsDamage(err) {
			activity.GetLogger(ctx).Warn("segment is missing or damaged; its records run again", "chunk", c.String(), "error", err)
			return m, i, nil
		}
		if err != nil {
			return m, -1, unknownVersion(out, err)
		}
		totals = totals.Add(t)
		if answered += int64(c.Records); q.MaxFailures.Exceeded(m.Totals.Failed+totals.Failed, answered) {
			return m, i, errBudget
		}
		records, offset = c.End(), c.EndOffset()
	}
	if len(q.Chunks) == 0 && !q.Final {
		return m, -1, nil
	}
	if m.Spec.Order == job.OrderCompletion {
		m, err = tx.CommitAhead(q.Chunks, totals, q.Final)
	} else {
		m, err = tx.Commit(records, offset, totals, q.Final)
	}
	if err == nil {
		a.tellCommitted(m, q)
	}
	return m, -1, err
}

func (a *Activities) writeSegment(ctx context.Context, out output.Output, tx *output.Append, m output.Manifest, c job.Chunk, format job.Format) (job.Totals, error) {
	r, err := segment.OpenReader(a.fs(), out.Segments(), segment.Generation(m.GenerationBytes()), c)
	if err != nil {
		return job.Totals{}, err
	}
	defer r.Close()
	for i := range c.Records {
		if i%1024 == 0 && ctx.Err() != nil {
			return job.Totals{}, ctx.Err()
		}
		f, err := r.Read(i)
		if err != nil {
			return job.Totals{}, err
		}
		line := f.Payload
		if f.Status == segment.Failure {
			var failure []byte
			if line, failure, err = failureLines(format, f.Payload); err != nil {
				return job.Totals{}, err
			}
			if err := tx.Failure(failure); err != nil {
				return job.Totals{}, err
			}
		}
		if err := tx.Line(line); err != nil {
			return job.Totals{}, err
		}
	}
	return r.Summary().Totals, nil
}

// removeSegments removes the segments of those chunks that the output has passed, and with the last of the input whatever is left.
func (a *Activities) removeSegments(out output.Output, m output.Manifest, chunks []job.Chunk) error {
	var names []string
	for _, c := range chunks {
		if m.Committed(c) {
			names = append(names, segment.Name(c))
		}
	}
	if m.Complete {
		var err error
		if names, err = a.fs().ReadDir(out.Segments()); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := a.fs().Remove(filepath.Join(out.Segments(), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
