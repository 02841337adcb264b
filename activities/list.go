package activities

import (
	"context"
	"os"

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
	m, err := a.claimed(ctx, a.output(q.Output))
	if err != nil {
		return job.Page{}, err
	}
	in, err := reopen(m, q.Input)
	if err != nil {
		return job.Page{}, err
	}
	defer in.Close()
	return input.List(ctx, in, m.Input.Size, q)
}

// reopen opens the manifest's input by the name that the run knows: it may have been moved since the output was begun.
func reopen(m output.Manifest, path string) (*os.File, error) {
	m.Input.Path = path
	return input.Reopen(m.Input)
}

// claimed reads the manifest and refuses one that is claimed by another run.
func (a *Activities) claimed(ctx context.Context, out output.Output) (output.Manifest, error) {
	m, err := out.Load()
	if err == nil && m.Claim != a.claim(ctx) {
		err = out.ClaimLost(m)
	}
	return m, err
}
