package activities

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/internal/guard"
	"github.com/longhaul/longhaul/job"
)

// failure translates what an activity met into what Temporal acts upon: the one place where errors that may pass, errors that
// will not, and the user's mistakes are told apart. The kind becomes the application error's type.
func failure(err error) error {
	var own *job.Error // which may have the time-out of a task as its cause
	if err == nil || !errors.As(err, &own) && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return err
	}
	e := describe(err)
	o := temporal.ApplicationErrorOptions{NonRetryable: !e.Kind.Retryable(), Cause: err, Details: []any{Details{Kind: e.Kind, Path: e.Path, Hint: e.Hint}}}
	switch e.Kind {
	case job.Outage:
		o.Category = temporal.ApplicationErrorCategoryBenign
	case job.Interrupted:
		o.Category = temporal.ApplicationErrorCategoryBenign
		o.NextRetryDelay = 50 * time.Millisecond
	}
	return temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Kind), o)
}

// Details goes with each application error, for programs.
type Details struct {
	Kind job.Kind `json:"kind"`
	Path string   `json:"path,omitempty"`
	Hint string   `json:"hint,omitempty"`
}

// wants are the system's errors that mean that the worker's machine has run out of something, with what helps. They pass.
var wants = []struct {
	err  error
	hint string
}{
	{syscall.EMFILE, "raise the worker's limit of open files, ulimit -n, or lower --concurrency; the job goes on by itself"},
	{syscall.ENFILE, "raise the system's limit of open files, fs.file-max, or lower --concurrency; the job goes on by itself"},
	{syscall.ENOMEM, "free memory on the worker's machine, or lower --concurrency; the job goes on by itself"},
	{syscall.ENOBUFS, "free memory on the worker's machine, or lower --concurrency; the job goes on by itself"},
}

// starved words the error of a task for which the worker's machine lacks something.
func starved(err error) string {
	e := job.Error{Op: "process", Err: err, Hint: "the worker's machine has reached a limit: raise it, or lower --concurrency; the job goes on by itself"}
	for _, w := range wants {
		if errors.Is(err, w.err) || strings.Contains(err.Error(), w.err.Error()) { // not every library keeps the cause
			e.Hint = w.hint
			break
		}
	}
	return e.Error()
}

// describe gives an error a kind: its own, or that of the system call that failed.
func describe(err error) *job.Error {
	var e *job.Error
	if errors.As(guard.Refusal("open", err), &e) {
		return e
	}
	own := errors.As(err, &e)
	for _, w := range wants {
		if own && errors.Is(err, w.err) {
			return &job.Error{Kind: job.Unavailable, Op: e.Op, Path: e.Path, Err: e.Err, Hint: w.hint}
		}
	}
	if own {
		return e
	}
	e = &job.Error{Kind: job.Unavailable, Op: "work", Err: err}
	var path *os.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		e.Op, e.Path, e.Err = path.Op, path.Path, path.Err
	case errors.As(err, &link):
		e.Op, e.Path, e.Err = link.Op, link.New, link.Err
	}
	for _, s := range []struct {
		err  error
		hint string
	}{
		{syscall.ENOSPC, "make room there; the same command goes on"},
		{syscall.EDQUOT, "make room there; the same command goes on"},
		{syscall.EFBIG, "the file system or a limit (ulimit -f) does not allow so large a file"},
		{syscall.EROFS, "mount it writable; the same command goes on"},
		{syscall.EISDIR, "name a file"},
		{syscall.ENOTDIR, "name a file in a folder"},
		{fs.ErrPermission, "let the worker's user write there; the same command goes on"},
		{fs.ErrNotExist, "make the folder, or restore what was removed; the same command goes on"},
	} {
		if errors.Is(err, s.err) {
			e.Kind, e.Hint = job.Storage, s.hint
			break
		}
	}
	for _, w := range wants {
		if errors.Is(err, w.err) {
			e.Hint = w.hint
		}
	}
	return e
}
