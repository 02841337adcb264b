package activities

import (
	"cmp"
	"context"

	"github.com/longhaul/longhaul/input"
	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// ListChunks implements job.Activities.
func (a *Activities) ListChunks(ctx context.Context, q job.ListRequest) (job.Page, error) {
	defer heartbeat(ctx, nil)()
	p, err := a.listChunks(ctx, q)
	fault.Point(job.ActivityListChunks)
	return p, failure(err)
}

func (a *Activities) listChunks(ctx context.Context, q job.ListRequest) (job.Page, error) {
	if err := a.Guard.List(q); err != nil {
		return job.Page{}, err
	}
	m, err := a.claimed(ctx, a.output(q.Output))
	if err != nil {
		return job.Page{}, err
	}
	in, err := input.Open(a.layout(a.output(q.Output), m))
	if err != nil {
		return job.Page{}, err
	}
	defer in.Close()
	return in.List(ctx, q)
}

// layout is the input as an output's manifest tells of it.
func (a *Activities) layout(out output.Output, m output.Manifest) input.Layout {
	return input.Layout{
		Files: m.Input, Format: cmp.Or(m.Spec.InputFormat, job.InputLines), Selection: m.Spec.Selection, Unpacked: out.Unpacked(),
		Disk: a.Guard.Inputs(), MaxUnpacked: a.Guard.MaxUnpacked(),
	}
}

// claimed reads the manifest and refuses one that is claimed by another run.
func (a *Activities) claimed(ctx context.Context, out output.Output) (output.Manifest, error) {
	m, err := out.Load()
	if err == nil && m.Claim != a.claim(ctx) {
		err = out.ClaimLost(m)
	}
	return m, err
}
