package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.temporal.io/sdk/activity"

	"github.com/longhaul/longhaul/input"
	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/segment"
)

// Prepare implements job.Activities.
func (a *Activities) Prepare(ctx context.Context, q job.PrepareRequest) (job.Prepared, error) {
	defer heartbeat(ctx, nil)()
	p, err := a.prepare(ctx, q)
	fault.Point(job.ActivityPrepare)
	return p, failure(err)
}

func (a *Activities) prepare(ctx context.Context, q job.PrepareRequest) (job.Prepared, error) {
	if _, err := a.newTask(q.Spec); err != nil {
		return job.Prepared{}, err
	}
	in, id, err := input.Open(q.Spec.Input)
	if err != nil {
		return job.Prepared{}, err
	}
	defer in.Close()
	if err := distinct(in, q.Spec.Output); err != nil {
		return job.Prepared{}, err
	}
	spec, err := identity(q.Spec)
	if err != nil {
		return job.Prepared{}, err
	}
	out := a.output(q.Spec.Output)
	m, err := out.Claim(ctx, output.ClaimRequest{
		Claim: a.claim(ctx), Spec: spec, Input: id, Job: q.FirstRunID, Overwrite: q.Spec.Overwrite,
		Alive: func(ctx context.Context, c output.Claim) (bool, error) { return a.alive(ctx, out, c) },
	})
	if err != nil {
		return job.Prepared{}, err
	}
	p := job.Prepared{
		Position: m.Position, Totals: m.Totals, Complete: m.Complete, InputBytes: id.Size, OutputDigest: m.OutputDigest.SHA256,
	}
	if p.Segments, err = a.leftovers(ctx, out, m); err != nil {
		return job.Prepared{}, err
	}
	return p, nil
}

// distinct refuses an output that is the input by another name.
func distinct(in *os.File, out string) error {
	a, err := in.Stat()
	if err != nil {
		return err
	}
	b, err := os.Stat(out)
	if err == nil && os.SameFile(a, b) {
		return &job.Error{Kind: job.InvalidSpec, Op: "spec", Path: out, Err: errors.New("output: the same file as the input")}
	}
	return nil
}

// identity is what of a Spec decides the output's bytes, its arguments in one spelling.
func identity(s job.Spec) (output.Identity, error) {
	id := output.Identity{Task: s.Task.Name, Format: s.Format}
	if len(s.Task.Args) == 0 {
		return id, nil
	}
	dec := json.NewDecoder(bytes.NewReader(s.Task.Args))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return id, err
	}
	args, err := json.Marshal(v) // which sorts the keys
	if string(args) != "{}" && string(args) != "null" {
		id.Args = args
	}
	return id, err
}

// alive says whether the job of a claim still runs. Temporal knows for its own cluster; of another cluster's job the locks of its
// segments tell.
func (a *Activities) alive(ctx context.Context, out output.Output, c output.Claim) (bool, error) {
	if c.Cluster == a.Cluster {
		return a.Alive(ctx, c)
	}
	return segment.Busy(a.fs(), out.Segments())
}

// leftovers returns the segments that can be used again, and removes what cannot.
func (a *Activities) leftovers(ctx context.Context, out output.Output, m output.Manifest) ([]job.Segment, error) {
	segments, strays, err := segment.List(a.fs(), out.Segments(), segment.Generation(m.GenerationBytes()), m.Position.Records)
	if err != nil {
		return nil, unknownVersion(out, err)
	}
	for _, name := range strays {
		path := filepath.Join(out.Segments(), name)
		if err := a.fs().Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove stray segment: %w", err)
		}
	}
	if n := len(segments) + len(strays); n > 0 {
		activity.GetLogger(ctx).Info("segments of a former run", "kept", len(segments), "removed", len(strays))
	}
	return segments, nil
}
