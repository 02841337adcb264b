package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

type cancelOptions struct {
	place placeOptions
	json  bool
}

func (p *Program) cancelCommand() *cobra.Command {
	o := &cancelOptions{}
	cmd := &cobra.Command{
		Use:   "cancel JOB [flags]",
		Short: "End a job; what it wrote stands",
		Long: `Ask a job that runs to end: it starts no further record, lets those in flight end, writes what is ready, and ends. What it wrote stands, and the
same command as before resumes it. ` + jobHelp + `

Exit status: 0 asked; 1 there is no such job, it does not run, or it could not be asked; 2 usage.`,
		Example: p.examples(`  longhaul cancel users.jsonl
  longhaul cancel longhaul-users.jsonl-5c1f0e9ab2`),
		Args:              oneJob(false),
		ValidArgsFunction: p.completeJobs(&o.place),
		RunE:              func(cmd *cobra.Command, args []string) error { return p.cancel(cmd.Context(), o, args[0]) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	o.place.register(f)
	return cmd
}

func (p *Program) cancel(ctx context.Context, o *cancelOptions, arg string) error {
	e, f, err := p.runningJob(ctx, &o.place, arg)
	if err != nil {
		return err
	}
	defer e.close()
	if err := e.client.CancelWorkflow(ctx, f.id, ""); err != nil {
		return fmt.Errorf("cancel job %s: %w", f.id, err)
	}
	if queues := e.unserved(ctx); len(queues) > 0 {
		fmt.Fprintf(p.Stderr, "it ends once a worker answers: %s; `temporal workflow terminate --workflow-id %s` ends it at once\n", warnUnserved(e, queues), f.id)
	}
	if o.json {
		return p.printJSON(struct {
			Job   string `json:"job"`
			RunID string `json:"runId"`
			State string `json:"state"`
		}{f.id, f.runID, stateCanceling})
	}
	fmt.Fprintf(p.Stdout, "job %s ends: tasks in flight may end, what is done is written; the same command as before resumes it\n", f.id)
	return nil
}
