package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/longhaul/longhaul/internal/progress"
)

type watchOptions struct {
	place    placeOptions
	progress string
	json     bool
}

func (p *Program) watchCommand() *cobra.Command {
	o := &watchOptions{}
	cmd := &cobra.Command{
		Use:   "watch JOB [flags]",
		Short: "Show the progress of a job until it ends",
		Long: `Show the progress of a job that runs until it ends, and then what it did, as ` + p.Name + ` run does. An interrupt ends the watching, not the job.
` + jobHelp + `

` + exitHelp,
		Example: p.examples(`  longhaul watch users.jsonl
  longhaul watch users.jsonl --progress json 2> progress.jsonl`),
		Args:              oneJob(false),
		ValidArgsFunction: p.completeJobs(&o.place),
		RunE:              func(cmd *cobra.Command, args []string) error { return p.watch(cmd.Context(), o, args[0]) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.progress, "progress", string(progress.Auto), progressHelp)
	f.BoolVar(&o.json, "json", false, summaryHelp)
	o.place.register(f)
	return cmd
}

func (p *Program) watch(ctx context.Context, o *watchOptions, arg string) error {
	mode, err := p.mode(o.progress)
	if err != nil {
		return usage(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e, r, err := p.look(ctx, &o.place, arg)
	if err != nil {
		return err
	}
	if e == nil {
		return p.ended(nil, r, o.json)
	}
	defer e.close()
	if r.State != stateRunning && r.State != stateCanceling {
		return p.ended(e, r, o.json)
	}
	spec, err := e.specOf(ctx, r.Job, r.RunID)
	if err != nil {
		return fmt.Errorf("job %s: read what it does: %w", r.Job, err)
	}
	j := &started{id: r.Job, run: e.client.GetWorkflow(ctx, r.Job, r.RunID), spec: spec, page: r.WebUI, joined: true, json: o.json}
	return p.follow(ctx, e, j, mode)
}
