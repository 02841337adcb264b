package activities

import (
	"context"
	"errors"
	"slices"

	"github.com/longhaul/longhaul/failures"
	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/task"
)

// PatchOutput implements job.Activities.
func (a *Activities) PatchOutput(ctx context.Context, q job.PatchRequest) (job.Patched, error) {
	defer heartbeat(ctx, nil)()
	p, err := a.patchOutput(ctx, q)
	fault.Point(job.ActivityPatchOutput)
	return p, failure(err)
}

func (a *Activities) patchOutput(ctx context.Context, q job.PatchRequest) (job.Patched, error) {
	out := a.output(q.Output)
	m, err := out.Patch(ctx, a.claim(ctx), a.output(q.From))
	if err == nil {
		err = out.EndRetry()
	}
	return job.Patched{Position: m.Position, Totals: m.Totals, OutputDigest: m.OutputDigest.SHA256}, err
}

// beginRetry claims the output that a retry is to patch, and makes the file of the records to be run again.
func (a *Activities) beginRetry(ctx context.Context, s job.Spec) error {
	if s.Patch == nil {
		return nil
	}
	out := a.output(s.Patch.Output)
	m, err := out.ClaimRetry(ctx, a.claim(ctx), func(ctx context.Context, c output.Claim) (bool, error) { return a.alive(ctx, out, c) })
	if err != nil {
		return err
	}
	if s.Output != out.Retry(m).Path() || !slices.Equal(s.Input, job.Paths{out.RetryInput(m)}) {
		return &job.Error{
			Kind: job.OutputChanged, Op: "retry", Path: s.Patch.Output, Err: errors.New("it was patched, or begun anew, since this retry was asked for"),
			Hint: "run the same command again",
		}
	}
	return out.WriteRetryInput(m, func(write func(int64, []byte) error) error { return a.gather(ctx, out, m, s, write) })
}

// gather hands the failed records of an output to write, in order. The errors file holds them, but for long ones, of which it has the beginning: those are read from the input. Records
// that broke a rule of the input's format are left out: no try can help them. So are long ones of a standard input, which is not kept.
func (a *Activities) gather(ctx context.Context, out output.Output, m output.Manifest, s job.Spec, write func(int64, []byte) error) (err error) {
	original := originals{activities: a, out: out, manifest: m, unpackedBytes: s.UnpackedBytes}
	defer func() { err = errors.Join(err, original.close()) }()
	_, err = out.Failures(ctx, func(line []byte) error {
		r, err := failures.Decode(line)
		if err != nil || r.Tries == 0 {
			return err
		}
		record := r.Bytes()
		if r.InputTruncated {
			if record, err = original.record(ctx, r.Record); record == nil || err != nil {
				return err
			}
		}
		return write(r.Record, record)
	})
	return err
}

// retried is a record of a retry as its task gets it: the number and the bytes that it had in the job that is retried.
func (r *chunkRun) retried(t task.Record) (task.Record, error) {
	number, record, err := output.DecodeRetry(t.Input)
	if err != nil {
		err = &job.Error{Kind: job.Corrupt, Op: "read input", Path: r.spec.Input.String(), Err: err, Hint: "somebody changed it; run longhaul retry with --overwrite"}
	}
	t.Number, t.Input, t.JSON, t.Job = number, record, r.spec.Patch.JSON, r.spec.Patch.Job
	return t, err
}
