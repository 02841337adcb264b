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
	"slices"

	"go.temporal.io/sdk/activity"

	"github.com/longhaul/longhaul/input"
	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/internal/guard"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/segment"
	"github.com/longhaul/longhaul/task"
)

// Prepare implements job.Activities.
func (a *Activities) Prepare(ctx context.Context, q job.PrepareRequest) (job.Prepared, error) {
	defer heartbeat(ctx, nil)()
	p, err := a.prepare(ctx, q)
	fault.Point(job.ActivityPrepare)
	return p, failure(err)
}

func (a *Activities) prepare(ctx context.Context, q job.PrepareRequest) (job.Prepared, error) {
	if a.Tasks[q.Spec.Task.Name] != nil { // what it does not have is not its operator's matter
		if err := a.allowed(q.Spec); err != nil {
			return job.Prepared{}, err
		}
	}
	if _, err := a.newTask(q.Spec); err != nil {
		return job.Prepared{}, err
	}
	if err := a.beginRetry(ctx, q.Spec); err != nil {
		return job.Prepared{}, err
	}
	out := a.output(q.Spec.Output)
	files, err := a.find(out, q.Spec)
	if err != nil {
		return job.Prepared{}, err
	}
	if err := a.distinct(files, q.Spec.Output); err != nil {
		return job.Prepared{}, err
	}
	spec, err := identity(q.Spec)
	if err != nil {
		return job.Prepared{}, err
	}
	m, err := out.Claim(ctx, output.ClaimRequest{
		Claim: a.claim(ctx), Spec: spec, Input: files, Job: q.FirstRunID, Overwrite: q.Spec.Overwrite,
		Alive: func(ctx context.Context, c output.Claim) (bool, error) { return a.alive(ctx, out, c) },
	})
	if err != nil {
		return job.Prepared{}, err
	}
	if err := a.rerun(ctx, out, m); err != nil {
		return job.Prepared{}, err
	}
	p := job.Prepared{Position: m.Position, Totals: m.Totals, Complete: m.Complete, OutputDigest: m.OutputDigest.SHA256, MaxConcurrency: a.Guard.MaxConcurrency()}
	if p.InputBytes, err = a.ready(ctx, out, m, q.Spec); err != nil {
		return job.Prepared{}, err
	}
	if p.Segments, err = a.leftovers(ctx, out, m); err != nil {
		return job.Prepared{}, err
	}
	return p, nil
}

// allowed refuses a job that the worker's operator does not allow, before anything is made for it.
func (a *Activities) allowed(s job.Spec) error {
	if err := a.Guard.Job(s); err != nil {
		return err
	}
	_, err := a.Guard.Inputs().Stat(s.Output)
	return guard.Refusal("open", err) // any other is met again
}

// find finds the input's files, and checks what can be checked of them before anything is begun.
func (a *Activities) find(out output.Output, s job.Spec) (job.InputSet, error) {
	files, err := input.Find(a.Guard.Inputs(), s.Input, s.Output)
	if err != nil {
		if m, merr := out.Load(); merr == nil && m.Complete && slices.Equal(s.Input, job.Paths{out.StdinPath(m.Input)}) {
			return m.Input, nil // a standard input, which is not kept longer than the job takes
		}
		return nil, err
	}
	return files, input.Check(input.Layout{Files: files, Format: s.InputFormat, Disk: a.Guard.Inputs()})
}

// ready unpacks what must be unpacked, removes what was kept of other inputs, and answers the input's size.
func (a *Activities) ready(ctx context.Context, out output.Output, m output.Manifest, s job.Spec) (int64, error) {
	l := a.layout(out, m)
	if m.Complete {
		return 0, a.removeInputs(out) // which the run that completed it may not have come to
	}
	if err := out.KeepStdin(m.Input); err != nil {
		return 0, err
	}
	if err := input.Unpack(ctx, a.fs(), l, s.UnpackedBytes); err != nil {
		return 0, err
	}
	in, err := input.Open(l)
	if err != nil {
		return 0, err
	}
	return in.Size(), in.Close()
}

// removeInputs removes what of the input is kept beside the output while the job takes.
func (a *Activities) removeInputs(out output.Output) error {
	return errors.Join(input.RemoveUnpacked(a.fs(), out.Unpacked()), out.KeepStdin(nil))
}

// distinct refuses an output that is one of the input's files by another name.
func (a *Activities) distinct(files job.InputSet, out string) error {
	disk := a.Guard.Inputs()
	b, err := disk.Stat(out)
	if err != nil {
		return nil
	}
	for _, f := range files {
		if fi, err := disk.Stat(f.Path); err == nil && os.SameFile(fi, b) {
			return &job.Error{Kind: job.InvalidSpec, Op: "spec", Path: out, Err: errors.New("output: the same file as the input")}
		}
	}
	return nil
}

// identity is what of a Spec decides the output's bytes, its arguments in one spelling, without those that are only means.
func identity(s job.Spec) (output.Identity, error) {
	id := output.Identity{Task: s.Task.Name, Format: s.Format, Selection: s.Selection, SelectInput: s.SelectInput, Select: s.Select}
	if s.InputFormat != job.InputLines {
		id.InputFormat = s.InputFormat
	}
	if s.OutputDelimiter != job.DelimiterNewline {
		id.OutputDelimiter = s.OutputDelimiter
	}
	if s.Order != job.OrderInput {
		id.Order = s.Order
	}
	if len(s.Task.Args) == 0 {
		return id, nil
	}
	dec := json.NewDecoder(bytes.NewReader(s.Task.Args))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return id, err
	}
	if fields, ok := v.(map[string]any); ok {
		for _, name := range task.Means(s.Task.Name) {
			delete(fields, name)
		}
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
	busy, err := segment.Busy(a.fs(), out.Segments())
	if m, lerr := out.Load(); err == nil && !busy && lerr == nil {
		return segment.Busy(a.fs(), out.Retry(m).Segments())
	}
	return busy, err
}

// leftovers returns the segments that can be used again, and removes what cannot.
func (a *Activities) leftovers(ctx context.Context, out output.Output, m output.Manifest) ([]job.Segment, error) {
	segments, strays, err := segment.List(a.fs(), out.Segments(), segment.Generation(m.GenerationBytes()), m.Position.Records)
	if err != nil {
		return nil, unknownVersion(out, err)
	}
	segments, more := beyond(segments, m.Ahead)
	strays = append(strays, more...)
	for _, name := range strays {
		path := filepath.Join(out.Segments(), name)
		if err := a.fs().Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove stray segment: %w", err)
		}
	}
	if n := len(segments) - len(m.Ahead) + len(strays); n > 0 {
		activity.GetLogger(ctx).Info("segments of a former run", "kept", len(segments)-len(m.Ahead), "removed", len(strays))
	}
	return segments, nil
}
