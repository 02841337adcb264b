package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/longhaul/longhaul/activities"
	"github.com/longhaul/longhaul/internal/trial"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/shape"
	"github.com/longhaul/longhaul/task"
)

// trialOptions is the flags of longhaul run that look at a job before it is begun.
type trialOptions struct {
	dryRun bool
	try    int64

	set *pflag.FlagSet
}

func (o *trialOptions) register(f *pflag.FlagSet) {
	o.set = f
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be done for the first 3 records, and how many there are; do nothing")
	f.Int64Var(&o.try, "try", 0, "do the first `N` records here and now, print their results, and keep nothing")
}

// wanted says whether the job is only to be looked at.
func (o *trialOptions) wanted() bool { return o.dryRun || o.set.Changed("try") }

func (o *trialOptions) check(s job.Spec) error {
	switch {
	case o.dryRun && o.set.Changed("try"):
		return errors.New("--dry-run does nothing and --try does something: choose one")
	case o.set.Changed("try") && o.try < 1:
		return errors.New("--try must be positive")
	case o.set.Changed("try") && s.Task.Name == "activity":
		return errors.New("--try needs nothing but this process, and --activity needs a server and its worker: use --limit with an output of its own")
	}
	return nil
}

// trialOutput stands for the output of a job that is only looked at, where none is named.
func trialOutput() string { return filepath.Join(os.TempDir(), "longhaul-trial", "output") }

// trial shows or does the first records.
func (p *Program) trial(ctx context.Context, o *runOptions, s job.Spec) (err error) {
	if err := o.trial.check(s); err != nil {
		return usage(err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-p.Signals:
			cancel(errInterrupted)
		case <-ctx.Done():
		}
	}()
	defer func() {
		if err != nil && errors.Is(context.Cause(ctx), errInterrupted) {
			fmt.Fprintln(p.Stderr, "interrupted; nothing is kept")
			err = errInterrupted
		}
	}()
	t, err := shape.NewTask(p.Tasks, s, nil, nil)
	if err != nil {
		return usage(err)
	}
	if c, ok := t.(interface{ Close() }); ok {
		defer c.Close()
	}
	if c, ok := t.(interface{ Check() error }); ok {
		if err := c.Check(); err != nil {
			return err
		}
	}
	in, err := trial.Open(ctx, s, o.jobID, p.Stdin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if o.trial.dryRun {
		return trial.Show(ctx, in, t, p.Stdout)
	}
	return p.try(ctx, o, in, t, s)
}

// try does the first records. What it prints is how the output would begin.
func (p *Program) try(ctx context.Context, o *runOptions, in *trial.Input, t task.Task, s job.Spec) error {
	failed := false
	err := trial.Do(ctx, in, t, o.trial.try, func(r activities.Tried) error {
		if r.Failed != nil {
			failed = true
			fmt.Fprintf(p.Stderr, "record %d failed, tries %d: %v\n", r.Number, r.Tries, r.Failed)
		}
		_, err := p.Stdout.Write(append(r.Line, s.OutputDelimiter.Byte()))
		return err
	})
	if err == nil && failed {
		err = errSomeFailed
	}
	return err
}
