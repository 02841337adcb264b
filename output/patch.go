package output

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/job"
)

// Patch puts the results of the output's retry, which must be complete, into their places, as the run of claim: it writes a new output and a new errors file beside the old ones, then
// the manifest that tells of the new ones, and renames them. Whatever interrupts it, either the old three count or the new three. What was retried and failed again keeps
// its line, and has its new line in the errors file. A patch that happened before is not done again.
func (o Output) Patch(ctx context.Context, claim Claim, retry Output) (m Manifest, err error) {
	l, err := o.lock(ctx)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if m, err = o.Load(); err != nil {
		return m, err
	}
	if m.Claim != claim {
		return m, o.ClaimLost(m)
	}
	if m.Swap != "" || o.Retry(m).path != retry.path {
		return o.finishSwap(m)
	}
	from, err := retry.Load()
	if err != nil {
		return m, err
	}
	if !m.Complete || !from.Complete {
		return m, &job.Error{Kind: job.Corrupt, Op: "patch", Path: o.path, Err: errors.New("it is not complete, or its retry is not")}
	}
	if from.Position.Records == 0 {
		return m, nil
	}
	fault.Point("patch.write")
	if m, err = o.merge(ctx, m, retry, from); err != nil {
		return m, err
	}
	fault.Point("patch.synced")
	if err := o.store(m); err != nil {
		return m, err
	}
	fault.Point("patch.pending")
	return o.finishSwap(m)
}

// EndRetry removes what is left of the output's retries.
func (o Output) EndRetry() error {
	fault.Point("patch.done")
	if err := o.removeRetries(""); err != nil {
		return err
	}
	return o.fs.SyncDir(o.Dir())
}

// finishSwap renames the files that a manifest tells of into their places, and then has it tell of them no more.
func (o Output) finishSwap(m Manifest) (Manifest, error) {
	if m.Swap == "" {
		return m, nil
	}
	for _, path := range []string{o.path, o.Errors()} {
		next := o.next(m, path)
		if _, err := o.fs.Stat(next); errors.Is(err, fs.ErrNotExist) {
			continue // it was renamed before
		} else if err != nil {
			return m, err
		}
		if err := o.fs.Rename(next, path); err != nil {
			return m, err
		}
		fault.Point("patch.renamed")
	}
	for _, dir := range []string{filepath.Dir(o.path), o.Dir()} {
		if err := o.fs.SyncDir(dir); err != nil {
			return m, err
		}
	}
	m.Swap = ""
	return m, o.store(m)
}

// patchedSince says whether a patch came since a manifest was read: the files that it tells of may not be those that were opened.
func (o Output) patchedSince(m Manifest) bool {
	now, err := o.Load()
	return err == nil && (now.Patches != m.Patches || now.Swap != m.Swap)
}

// next is where the new file for a path waits to be renamed.
func (o Output) next(m Manifest, path string) string {
	if path == o.Errors() {
		return o.newErrors(m.Swap)
	}
	return o.newOutput(m.Swap)
}

// standing is where the file that the manifest tells of stands: one that waits to be renamed is read where it is.
func (o Output) standing(m Manifest, path string) string {
	if m.Swap == "" {
		return path
	}
	next := o.next(m, path)
	if _, err := o.fs.Stat(next); err != nil {
		return path
	}
	return next
}
