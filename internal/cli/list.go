package cli

import (
	"context"
	"fmt"
	"sync"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/longhaul/longhaul/internal/progress"
	"github.com/longhaul/longhaul/job"
)

type listOptions struct {
	place   placeOptions
	json    bool
	running bool
	limit   int
}

func (p *Program) listCommand() *cobra.Command {
	o := &listOptions{}
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List the jobs on the server",
		Long: `List the jobs on the Temporal server, those that run first, then those that ended last, each with its newest run.
Where no Temporal server is configured, it asks the embedded one where that runs, else one at the default address.

Exit status: 0 listed; 1 could not be asked; 2 usage.`,
		Example: p.examples(`  longhaul list
  longhaul list --running --json | jq -r .job`),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.list(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.running, "running", false, "only those that run")
	f.IntVar(&o.limit, "limit", 20, "list `N` jobs at most")
	f.BoolVar(&o.json, "json", false, "print one JSON object a job")
	o.place.register(f)
	return cmd
}

// noArguments refuses arguments.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(fmt.Errorf("unknown argument %q", args[0]))
	}
	return nil
}

func (p *Program) list(ctx context.Context, o *listOptions) error {
	if o.limit < 1 || o.limit > maxListed {
		return usage(fmt.Errorf("--limit %d: want 1 to %d", o.limit, maxListed))
	}
	e, err := p.server(ctx, &o.place)
	if err != nil {
		return err
	}
	defer e.close()
	jobs, err := e.list(ctx, o.running, o.limit)
	if err != nil {
		return err
	}
	reports := e.reports(ctx, jobs)
	if o.json {
		for _, r := range reports {
			if err := p.printJSON(r); err != nil {
				return err
			}
		}
		return nil
	}
	if len(reports) == 0 {
		fmt.Fprintf(p.Stderr, "no jobs on the server at %s, namespace %s\n", e.settings.HostPort, e.settings.Namespace)
		return nil
	}
	t := tabwriter.NewWriter(p.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "JOB\tSTATE\tRECORDS\tFAILED\tSTARTED\tOUTPUT")
	for _, r := range reports {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", progress.Printable(r.Job), r.State, r.share(), humanize.Comma(r.Failed), humanize.Time(*r.Started), progress.Printable(r.Output))
	}
	return t.Flush()
}

// share is how many records are done, of how many.
func (r jobReport) share() string {
	if r.Total == 0 || r.State == stateComplete {
		return humanize.Comma(r.Records)
	}
	return fmt.Sprintf("%s (%d%%)", humanize.Comma(r.Records), r.Records*100/r.Total)
}

const (
	// maxListed bounds how many jobs are listed, and listPages how many pages of runs are read for them: a job may have had many.
	maxListed = 1000
	listPages = 20
	// listAtOnce is how many jobs are asked at once how far they are.
	listAtOnce = 8
)

// list returns the newest run of each job, those that run first, then by their end.
func (e *engine) list(ctx context.Context, running bool, limit int) (jobs []found, err error) {
	query := fmt.Sprintf("WorkflowType = '%s'", job.WorkflowType)
	if running {
		query += " AND ExecutionStatus = 'Running'"
	}
	q := &workflowservice.ListWorkflowExecutionsRequest{Namespace: e.settings.Namespace, PageSize: maxListed, Query: query}
	seen := map[string]bool{}
	for range listPages {
		page, err := e.client.ListWorkflow(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list the jobs on the server at %s: %w", e.settings.HostPort, err)
		}
		for _, info := range page.GetExecutions() {
			id := info.GetExecution().GetWorkflowId()
			if seen[id] {
				continue
			}
			seen[id] = true
			f, ok, err := e.find(ctx, named{ids: []string{id}})
			if err != nil {
				return nil, err
			}
			if ok && (f.running() || !running) {
				jobs = append(jobs, f)
			}
			if len(jobs) == limit {
				return jobs, nil
			}
		}
		if q.NextPageToken = page.GetNextPageToken(); len(q.NextPageToken) == 0 {
			break
		}
	}
	return jobs, nil
}

// reports tells of several jobs.
func (e *engine) reports(ctx context.Context, jobs []found) []jobReport {
	reports := make([]jobReport, len(jobs))
	slots := make(chan struct{}, listAtOnce)
	var all sync.WaitGroup
	for i, f := range jobs {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			reports[i] = e.report(ctx, f)
		})
	}
	all.Wait()
	return reports
}
