package activities

import (
	"context"

	"github.com/longhaul/longhaul/input"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// ListChunks implements job.Activities.
func (a *Activities) ListChunks(ctx context.Context, q job.ListRequest) (job.Page, error) {
	p, err := a.listChunks(ctx, q)
	return p, failure(err)
}

func (a *Activities) listChunks(ctx context.Context, q job.ListRequest) (job.Page, error) {
	m, err := a.claimed(ctx, a.output(q.Output))
	if err != nil {
		return job.Page{}, err
	}
	in, err := input.Reopen(m.Input)
	if err != nil {
		return job.Page{}, err
	}
	defer in.Close()
	return input.List(ctx, in, m.Input.Size, q)
}

// claimed reads the manifest and refuses one that is claimed by another run.
func (a *Activities) claimed(ctx context.Context, out output.Output) (output.Manifest, error) {
	m, err := out.Load()
	if err == nil && m.Claim != a.claim(ctx) {
		err = out.ClaimLost(m)
	}
	return m, err
}
