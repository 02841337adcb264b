package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/job"
)

// controlTimeout bounds an update: without a worker there is no answer.
const controlTimeout = 10 * time.Second

type controlOptions struct {
	place       placeOptions
	json        bool
	concurrency int
	rate        string
	burst       int
}

const controlExit = "\n\nExit status: 0 done; 1 there is no such job, it does not run, it refused, or no worker answered; 2 usage."

func (p *Program) pauseCommand() *cobra.Command {
	return p.controlCommand(job.UpdatePause, &cobra.Command{
		Use:   "pause JOB [flags]",
		Short: "Have a job begin no further record until it is resumed",
		Long: `Have a job that runs begin no further try within about a second. Tasks in flight end, and what is done is written. A paused job stays paused, whatever is
started anew, until ` + "`" + p.Name + ` resume` + "`" + `. ` + jobHelp + controlExit,
		Example: p.examples(`  longhaul pause users.jsonl
  longhaul pause longhaul-users.jsonl-5c1f0e9ab2 --json`),
	})
}

func (p *Program) resumeCommand() *cobra.Command {
	return p.controlCommand(job.UpdateResume, &cobra.Command{
		Use:   "resume JOB [flags]",
		Short: "Have a paused job go on",
		Long: `Have a job that is paused go on. (One that ended before its end, since it was stopped or canceled, or failed, is resumed by the command that started it.)
` + jobHelp + controlExit,
		Example: p.examples(`  longhaul resume users.jsonl`),
	})
}

func (p *Program) setCommand() *cobra.Command {
	return p.controlCommand(job.UpdateSet, &cobra.Command{
		Use:   "set JOB [--concurrency N] [--rate R] [--burst N] [flags]",
		Short: "Change how much a job that runs does at once",
		Long: `Change the cap or the rate of a job that runs. It holds within about a second for the records in work, too; tasks that are in flight above a lower cap end first.
What is not named stays as it is. ` + jobHelp + controlExit,
		Example: p.examples(`  longhaul set users.jsonl --concurrency 10
  longhaul set users.jsonl --rate 100/s --burst 20
  longhaul set users.jsonl --rate none`),
	})
}

// controlCommand makes a command of an update.
func (p *Program) controlCommand(update string, cmd *cobra.Command) *cobra.Command {
	o := &controlOptions{}
	cmd.Args, cmd.ValidArgsFunction = oneJob(false), p.completeJobs(&o.place)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return p.control(cmd, o, update, args[0]) }
	f := cmd.Flags()
	f.SortFlags = false
	if update == job.UpdateSet {
		f.IntVarP(&o.concurrency, "concurrency", "c", 0, "`tasks` in flight at most, over all workers together")
		f.StringVar(&o.rate, "rate", "", "`tries` that may begin, over all workers together: 100/s, 30/m or 5/h; none: no bound")
		f.IntVar(&o.burst, "burst", 0, "`tries` more than the rate that may begin in any stretch of time (default with --rate: a second's worth, at least 1)")
	}
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	o.place.register(f)
	return cmd
}

// setting is what the flags ask for. What no job could be set to is a mistake of usage.
func (o *controlOptions) setting(cmd *cobra.Command) (s job.Setting, err error) {
	rate := job.Rate(o.rate)
	for flag, set := range map[string]func(){
		"concurrency": func() { s.Concurrency = &o.concurrency }, "rate": func() { s.Rate = &rate }, "burst": func() { s.Burst = &o.burst },
	} {
		if cmd.Flags().Changed(flag) {
			set()
		}
	}
	switch {
	case s == job.Setting{}:
		return s, usage(errors.New("nothing to set: want --concurrency, --rate or --burst"))
	case s.Rate != nil && rate == "":
		return s, usage(errors.New("--rate must not be empty (none: no bound)"))
	}
	if _, err := s.Apply(job.Control{Concurrency: 1, Rate: "1/s", Burst: 1}); err != nil {
		return s, usage(err)
	}
	return s, nil
}

// controlled is what the commands tell. Its JSON is an interface.
type controlled struct {
	Job   string `json:"job"`
	RunID string `json:"runId"`
	job.Control
}

func (p *Program) control(cmd *cobra.Command, o *controlOptions, update, arg string) error {
	ctx := cmd.Context()
	var args []any
	if update == job.UpdateSet {
		s, err := o.setting(cmd)
		if err != nil {
			return err
		}
		args = append(args, s)
	}
	e, f, err := p.runningJob(ctx, &o.place, arg)
	if err != nil {
		return err
	}
	defer e.close()
	c, err := e.update(ctx, f.id, update, args...)
	if err != nil {
		return err
	}
	if o.json {
		return p.printJSON(controlled{f.id, f.runID, c})
	}
	fmt.Fprintf(p.Stdout, "job %s: %s\n", f.id, c)
	return nil
}

// update has a job that runs change its control.
func (e *engine) update(ctx context.Context, id, name string, args ...any) (c job.Control, err error) {
	within, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	h, err := e.client.UpdateWorkflow(within, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: name, Args: args, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = h.Get(within, &c)
	}
	var app *temporal.ApplicationError
	switch {
	case err == nil:
		return c, nil
	case errors.As(err, &app):
		return c, fmt.Errorf("job %s refused: %s", id, app.Message())
	case ctx.Err() != nil:
		return c, ctx.Err()
	case within.Err() != nil:
		if queues := e.unserved(ctx); len(queues) > 0 {
			return c, fmt.Errorf("%s job %s: no answer within %s: %s; `temporal workflow signal --workflow-id %s --name %s` leaves word for it", name, id, controlTimeout, warnUnserved(e, queues), id, name)
		}
		return c, fmt.Errorf("%s job %s: no answer within %s (does its worker run, and is it of this version?)", name, id, controlTimeout)
	}
	return c, fmt.Errorf("%s job %s: %w", name, id, err)
}
