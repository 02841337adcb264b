package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/longhaul/longhaul/internal/progress"
)

type resultOptions struct {
	place placeOptions
	json  bool
}

func (p *Program) resultCommand() *cobra.Command {
	o := &resultOptions{}
	cmd := &cobra.Command{
		Use:   "result JOB [flags]",
		Short: "Tell what a finished job did",
		Long: `Tell what a finished job did, as ` + p.Name + ` run does at its end. ` + jobHelp + `
The result of an output needs no server.

Exit status: 0 every record succeeded; 1 the job is not complete, or there is none; 2 usage; 3 some records failed.`,
		Example: p.examples(`  longhaul result users.jsonl
  longhaul result users.jsonl --json | jq -r .outputDigest`),
		Args:              oneJob(false),
		ValidArgsFunction: p.completeJobs(&o.place),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, r, err := p.look(cmd.Context(), &o.place, args[0])
			if err != nil {
				return err
			}
			if e != nil {
				defer e.close()
			}
			return p.ended(e, r, o.json)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.json, "json", false, summaryHelp)
	o.place.register(f)
	return cmd
}

// ended tells how a job ended, and how to go on where it is not complete.
func (p *Program) ended(e *engine, r jobReport, json bool) error {
	if r.summary != nil {
		return p.done(e, &started{id: r.Job, page: r.WebUI, joined: true, json: json}, *r.summary, progress.Snapshot{})
	}
	switch r.State {
	case stateRunning, stateCanceling:
		return fmt.Errorf("job %s is %s, with %s (`%s` waits for it)", r.Job, r.State, r.counts(), e.command(p, "watch", r.Job))
	case stateUnfinished:
		return fmt.Errorf("job %s is unfinished, with %s; the same command as before resumes it", r.Job, r.counts())
	}
	if r.Reason != "" {
		return fmt.Errorf("job %s: %s", r.Job, r.Reason)
	}
	return fmt.Errorf("job %s was %s; what it wrote stands, and the same command resumes it", r.Job, r.State)
}
