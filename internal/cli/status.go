package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

type statusOptions struct {
	place placeOptions
	json  bool
}

func (p *Program) statusCommand() *cobra.Command {
	o := &statusOptions{}
	cmd := &cobra.Command{
		Use:   "status [JOB] [flags]",
		Short: "Tell how far a job is",
		Long: `Tell how far a job is, or each of those that run. ` + jobHelp + `
The state of an output needs no server: what was committed is told from the manifest beside it.

Exit status: 0 told; 1 there is no such job, or it could not be asked; 2 usage.`,
		Example: p.examples(`  longhaul status
  longhaul status users.jsonl
  longhaul status users.jsonl --json | jq .records`),
		Args:              oneJob(true),
		ValidArgsFunction: p.completeJobs(&o.place),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return p.statusOfAll(cmd.Context(), o)
			}
			return p.status(cmd.Context(), o, args[0])
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.json, "json", false, "print one JSON object a job")
	o.place.register(f)
	return cmd
}

func (p *Program) status(ctx context.Context, o *statusOptions, arg string) error {
	e, r, err := p.look(ctx, &o.place, arg)
	if err != nil {
		return err
	}
	if e != nil {
		defer e.close()
	}
	if o.json {
		return p.printJSON(r)
	}
	r.print(p.Stdout)
	return nil
}

// statusOfAll tells of the jobs that run.
func (p *Program) statusOfAll(ctx context.Context, o *statusOptions) error {
	e, err := p.server(ctx, &o.place)
	if err != nil {
		return err
	}
	defer e.close()
	jobs, err := e.list(ctx, true, maxListed)
	if err != nil {
		return err
	}
	if len(jobs) == 0 {
		fmt.Fprintf(p.Stderr, "no job runs on the server at %s, namespace %s\n", e.settings.HostPort, e.settings.Namespace)
	}
	for i, r := range e.reports(ctx, jobs) {
		if o.json {
			if err := p.printJSON(r); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(p.Stdout)
		}
		r.print(p.Stdout)
	}
	return nil
}
