package activities

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/job"
)

// write is the error of a system call upon a file.
func write(cause error) error {
	return fmt.Errorf("append: %w", &fs.PathError{Op: "write", Path: "/data/out", Err: cause})
}

func TestFailureTellsWhatPassesFromWhatDoesNot(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		kind job.Kind
		path string
		hint string // part of it
	}{
		"disk full":      {write(syscall.ENOSPC), job.Storage, "/data/out", "make room"},
		"quota":          {write(syscall.EDQUOT), job.Storage, "/data/out", "make room"},
		"file too large": {write(syscall.EFBIG), job.Storage, "/data/out", "ulimit -f"},
		"not permitted":  {write(syscall.EACCES), job.Storage, "/data/out", "let the worker's user"},
		"not the owner":  {write(syscall.EPERM), job.Storage, "/data/out", "let the worker's user"},
		"read-only":      {write(syscall.EROFS), job.Storage, "/data/out", "writable"},
		"too many files": {write(syscall.EMFILE), job.Unavailable, "/data/out", "ulimit -n"},
		"system's files": {write(syscall.ENFILE), job.Unavailable, "/data/out", "system's limit"},
		"no memory":      {write(syscall.ENOMEM), job.Unavailable, "/data/out", "free memory"},
		"no handle for the input": {
			&job.Error{Kind: job.InputUnreadable, Op: "read input", Path: "/data/in", Err: syscall.EMFILE, Hint: "check the path"},
			job.Unavailable, "/data/in", "ulimit -n",
		},
		"folder is missing": {write(syscall.ENOENT), job.Storage, "/data/out", "make the folder"},
		"a folder":          {write(syscall.EISDIR), job.Storage, "/data/out", "name a file"},
		"not a folder":      {write(syscall.ENOTDIR), job.Storage, "/data/out", "in a folder"},
		"rename":            {&os.LinkError{Op: "rename", Old: "/data/a", New: "/data/b", Err: syscall.ENOSPC}, job.Storage, "/data/b", "make room"},
		"without a path":    {fmt.Errorf("sync: %w", syscall.ENOSPC), job.Storage, "", "make room"},
		"I/O error":         {write(syscall.EIO), job.Unavailable, "/data/out", ""},
		"plain":             {errors.New("something odd"), job.Unavailable, "", ""},
		"its own kind":      {&job.Error{Kind: job.InputChanged, Op: "read", Path: "/data/in", Err: syscall.ENOSPC, Hint: "restore it"}, job.InputChanged, "/data/in", "restore it"},
		"wrapped":           {fmt.Errorf("more: %w", &job.Error{Kind: job.Corrupt, Op: "read"}), job.Corrupt, "", ""},
		// What ended the tasks is not what ended the activity: net's time-outs say that they are context.DeadlineExceeded.
		"outage by time-outs": {
			&job.Error{Kind: job.Outage, Op: "process", Err: fmt.Errorf("no answer: %w", &net.OpError{Op: "dial", Err: context.DeadlineExceeded})},
			job.Outage, "", "",
		},
		"outage by cancellations": {&job.Error{Kind: job.Outage, Op: "process", Err: fmt.Errorf("no answer: %w", context.Canceled)}, job.Outage, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var app *temporal.ApplicationError
			err := failure(tt.err)
			if !errors.As(err, &app) {
				t.Fatalf("%v is not an application error", err)
			}
			if app.Type() != string(tt.kind) || app.NonRetryable() == tt.kind.Retryable() {
				t.Errorf("%s, non-retryable %v; want %s", app.Type(), app.NonRetryable(), tt.kind)
			}
			var d Details
			if err := app.Details(&d); err != nil {
				t.Fatal(err)
			}
			if d.Kind != tt.kind || d.Path != tt.path || !strings.Contains(d.Hint, tt.hint) || (tt.hint == "") != (d.Hint == "") {
				t.Errorf("details %+v, want path %q and hint %q", d, tt.path, tt.hint)
			}
			if !strings.Contains(app.Message(), tt.hint) || !strings.Contains(app.Message(), tt.path) {
				t.Errorf("message %q does not name the path and the hint", app.Message())
			}
			if !errors.Is(err, tt.err) {
				t.Error("the cause is lost")
			}
		})
	}
}

func TestFailureKeepsEachKindAndWhetherItPasses(t *testing.T) {
	passing := map[job.Kind]bool{job.Outage: true, job.Interrupted: true, job.Unavailable: true}
	for _, kind := range []job.Kind{
		job.InvalidSpec, job.InputUnreadable, job.InputChanged, job.OutputExists, job.OutputChanged, job.OutputClaimed, job.ClaimLost,
		job.SpecChanged, job.UnknownVersion, job.Corrupt, job.Storage, job.Outage, job.Interrupted, job.Unavailable,
	} {
		t.Run(string(kind), func(t *testing.T) {
			var app *temporal.ApplicationError
			if !errors.As(failure(&job.Error{Kind: kind, Op: "act", Err: errors.New("cause"), Hint: "hint"}), &app) {
				t.Fatal("not an application error")
			}
			if app.Type() != string(kind) || app.NonRetryable() == passing[kind] || app.Message() != "act: cause (hint)" {
				t.Errorf("%s, non-retryable %v: %s", app.Type(), app.NonRetryable(), app.Message())
			}
			benign := kind == job.Outage || kind == job.Interrupted
			if got := app.Category() == temporal.ApplicationErrorCategoryBenign; got != benign {
				t.Errorf("benign %v, want %v", got, benign)
			}
			if quick := kind == job.Interrupted; quick != (app.NextRetryDelay() > 0 && app.NextRetryDelay() < time.Second) {
				t.Errorf("tried again after %s", app.NextRetryDelay())
			}
		})
	}
}

func TestFailureLeavesTheEndOfAContextAlone(t *testing.T) {
	for name, err := range map[string]error{
		"none":     nil,
		"canceled": context.Canceled,
		"deadline": context.DeadlineExceeded,
		"wrapped":  fmt.Errorf("lock: %w", context.Canceled),
		"joined":   errors.Join(context.Canceled, errors.New("close")),
	} {
		t.Run(name, func(t *testing.T) {
			if got := failure(err); got != err { //nolint:errorlint // the very same
				t.Errorf("%v became %v", err, got)
			}
		})
	}
}
