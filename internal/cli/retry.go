package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/task"
)

func (p *Program) retryCommand() *cobra.Command {
	o := &runOptions{}
	cmd := &cobra.Command{
		Use:   "retry OUTPUT [flags] [-- COMMAND ARG...]",
		Short: "Run the failed records of a finished output again, and put their results into their places",
		Long: `Run the task again for each failed record of OUTPUT, whose job must be finished, and put the results into their places. OUTPUT stays as it is until all of them are
done; then it, its errors file and its manifest change together, whatever is killed meanwhile. Records that fail again stay as they are, with their new
error. They keep their numbers and idempotency keys. The same command goes on after a crash or an interrupt.

Without a task the one that wrote OUTPUT is run. The other flags are as for ` + p.Name + ` run, with its defaults, but that any number may fail. The command reads the manifest beside
OUTPUT: run it where that is.

` + taskHelp(p.Tasks) + `

` + exitHelp,
		Example: p.examples(`  longhaul retry pages.jsonl
  longhaul retry users.jsonl --concurrency 5 --retries 20 --rate 10/s
  longhaul retry users.jsonl --http 'https://other.example.com/users/{{.}}'`),
		Args: func(cmd *cobra.Command, args []string) error {
			outputs := args
			if dash := cmd.ArgsLenAtDash(); dash >= 0 {
				outputs = args[:dash]
				if o.task.command = args[dash:]; len(o.task.command) == 0 {
					return usage(errors.New("no command after --"))
				}
			}
			if len(outputs) != 1 {
				return usage(errors.New("want one OUTPUT"))
			}
			o.output = outputs[0]
			return nil
		},
		ValidArgsFunction: completeOutputs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return p.retry(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.registerWork(f)
	f.Lookup("max-failures").DefValue = "100%"
	f.BoolVar(&o.overwrite, "overwrite", false, "forget what an unfinished retry did")
	o.registerEngine(f)
	return cmd
}

// retry runs the command.
func (p *Program) retry(ctx context.Context, o *runOptions) error {
	path, err := filepath.Abs(o.output)
	if err != nil {
		return err
	}
	out := output.At(fsys.OS, path)
	m, err := out.ToRetry()
	if err != nil {
		return err
	}
	spec, err := o.retrySpec(p.Tasks, out, m)
	if err != nil {
		return err
	}
	begun, err := out.RetryBegun()
	if err != nil {
		return err
	}
	if m.Totals.Failed == 0 && !begun {
		fmt.Fprintf(p.Stdout, "nothing to retry: none of %s records failed\n", humanize.Comma(m.Position.Records))
		return nil
	}
	o.jobID = m.Claim.WorkflowID // so that no job and no other retry is at work on the output meanwhile
	return p.work(ctx, o, spec)
}

// retrySpec makes the flags the Spec of a retry.
func (o *runOptions) retrySpec(tasks task.Registry, out output.Output, m output.Manifest) (job.Spec, error) {
	s := job.Spec{
		Input: job.Paths{out.RetryInput(m)}, InputFormat: job.InputNUL, Output: out.Retry(m).Path(),
		Task: job.Task{Name: m.Spec.Task, Args: m.Spec.Args}, Format: m.Spec.Format, OutputDelimiter: m.Spec.OutputDelimiter,
		SelectInput: m.Spec.SelectInput, Select: m.Spec.Select, MaxFailures: "100%",
		Patch: &job.Patch{Output: out.Path(), Job: m.Claim.WorkflowID, JSON: m.Spec.InputFormat.JSON()},
	}
	if o.task.given() {
		t, err := o.task.spec()
		if err != nil {
			return s, usage(err)
		}
		s.Task = t
	}
	if err := o.task.request.needsHTTP(o.task.http); err != nil {
		return s, usage(err)
	}
	return s, o.setWork(&s, tasks)
}

// given says whether a task was chosen.
func (o *taskOptions) given() bool {
	for _, flag := range []string{"pipe", "task-arg", "fatal-exit", "activity-queue", "activity-batch"} {
		if o.set.Changed(flag) {
			return true // which goes with one, and is refused without
		}
	}
	return len(o.kinds()) > 0
}

// retried prints what a retry did.
func (p *Program) retried(s job.Summary, took time.Duration) {
	fmt.Fprintf(p.Stdout, "retried: %s records, %s failed again, in %s; %s of %s records have failed\n",
		humanize.Comma(s.Retried), humanize.Comma(s.FailedAgain), tidy(took), humanize.Comma(s.Failed), humanize.Comma(s.Records))
}
