package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"go.temporal.io/api/enums/v1"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/internal/progress"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// jobReport is what list and status tell of a job. Its JSON is an interface: fields are added, none is changed.
type jobReport struct {
	Job   string `json:"job"`
	RunID string `json:"runId,omitempty"`
	// State is running, canceling, complete, failed, canceled, terminated or timedOut, as the server says; complete or unfinished, as the manifest does.
	State       string    `json:"state"`
	Output      string    `json:"output,omitempty"`
	Input       job.Paths `json:"input,omitempty"`
	Task        string    `json:"task,omitempty"`
	Concurrency int       `json:"concurrency,omitempty"`
	Rate        job.Rate  `json:"rate,omitempty"`
	// Paused says that it begins no further record until it is resumed.
	Paused bool `json:"paused,omitempty"`
	// Retry says that it runs the failed records of the output again: the counts are of those, while it runs.
	Retry bool `json:"retry,omitempty"`
	// Records done, Failed ones among them, and Written ones; Total of the input, an estimate where Estimated, 0 where it is not known.
	Records   int64 `json:"records"`
	Failed    int64 `json:"failed"`
	Written   int64 `json:"written"`
	Total     int64 `json:"total,omitempty"`
	Estimated bool  `json:"estimated,omitempty"`
	InFlight  int   `json:"inFlight,omitempty"`
	Ahead     int64 `json:"ahead,omitempty"`
	// Slowest is the first unfinished record.
	Slowest *progress.Slowest `json:"slowest,omitempty"`
	// Started and Ended are those of the job on this server.
	Started *time.Time `json:"started,omitempty"`
	Ended   *time.Time `json:"ended,omitempty"`
	// Waiting is what holds it up, Reason why it ended without being complete.
	Waiting string `json:"waiting,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// Bytes of the output that are written, and the errors file where records failed.
	OutputBytes int64  `json:"outputBytes"`
	Errors      string `json:"errors,omitempty"`
	WebUI       string `json:"webUI,omitempty"`

	summary *job.Summary // of a complete one
}

// States of a job.
const (
	stateRunning    = "running"
	stateCanceling  = "canceling"
	stateComplete   = "complete"
	stateUnfinished = "unfinished"
)

var states = map[enums.WorkflowExecutionStatus]string{
	enums.WORKFLOW_EXECUTION_STATUS_RUNNING:          stateRunning,
	enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW: stateRunning,
	enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:        stateComplete,
	enums.WORKFLOW_EXECUTION_STATUS_FAILED:           "failed",
	enums.WORKFLOW_EXECUTION_STATUS_CANCELED:         "canceled",
	enums.WORKFLOW_EXECUTION_STATUS_TERMINATED:       "terminated",
	enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:        "timedOut",
}

// report tells of a job on the server. What cannot be learned stays empty.
func (e *engine) report(ctx context.Context, f found) jobReport {
	r := jobReport{Job: f.id, RunID: f.runID, State: cmp.Or(states[f.status], "unknown"), WebUI: e.page(f.id, f.runID)}
	if f.running() && f.canceling {
		r.State = stateCanceling
	}
	begun := f.started
	if f.firstRunID != "" && f.firstRunID != f.runID {
		if d, err := e.client.DescribeWorkflowExecution(ctx, f.id, f.firstRunID); err == nil {
			begun = d.GetWorkflowExecutionInfo().GetStartTime().AsTime()
		}
	}
	r.Started = &begun
	if !f.ended.IsZero() {
		r.Ended = &f.ended
	}
	spec, err := e.specOf(ctx, f.id, f.runID)
	if err == nil {
		r.Output, r.Input, r.Task, r.Concurrency, r.Rate = spec.Output, spec.Input, spec.Task.Name, spec.Concurrency, spec.Rate
		if r.Retry = spec.Patch != nil; r.Retry {
			r.Output = spec.Patch.Output
		}
	}
	if sealed(err) {
		r.Reason = err.Error()
		return r
	}
	if f.running() {
		e.reportRunning(ctx, f, spec, &r)
		return r
	}
	e.reportEnded(ctx, f, &r)
	return r
}

// reportRunning asks the workflow how far it is and, where no worker answers, the manifest.
func (e *engine) reportRunning(ctx context.Context, f found, spec job.Spec, r *jobReport) {
	s, err := e.snapshot(ctx, &started{id: f.id, spec: spec})
	if err != nil {
		r.Waiting = cmp.Or(e.silence(ctx, f.id), noAnswer)
		r.fromManifest()
		return
	}
	r.Records, r.Failed, r.Written, r.Total, r.Estimated = s.Done, s.Failed, s.Written, s.Total, s.Estimated
	r.Concurrency, r.Rate, r.Paused = s.Cap, job.Rate(s.MaxRate), s.Paused
	r.InFlight, r.Ahead, r.Slowest, r.Waiting = s.InFlight, s.Ahead, s.Slowest, s.Trouble
	if m, ok := r.manifest(); ok {
		r.OutputBytes = m.Position.OutputBytes
	}
	if r.Failed > 0 {
		r.Errors = job.ErrorsPath(r.Output)
	}
}

func (e *engine) reportEnded(ctx context.Context, f found, r *jobReport) {
	var s job.Summary
	err := e.client.GetWorkflow(ctx, f.id, f.runID).Get(ctx, &s)
	if err != nil {
		r.Reason = reason(err)
		r.fromManifest()
		return
	}
	r.Records, r.Failed, r.Written, r.Total = s.Records, s.Failed, s.Records, s.Records
	r.OutputBytes, r.Errors, r.summary = s.OutputBytes, s.Errors, &s
}

// manifest reads that of the report's output, where it is here and this job's.
func (r *jobReport) manifest() (output.Manifest, bool) {
	if r.Output == "" {
		return output.Manifest{}, false
	}
	m, err := output.At(fsys.OS, r.Output).Load()
	return m, err == nil && m.Claim.WorkflowID == r.Job
}

func (r *jobReport) fromManifest() {
	if m, ok := r.manifest(); ok {
		r.count(m)
	}
}

func (r *jobReport) count(m output.Manifest) {
	r.Records, r.Written, r.Failed, r.OutputBytes = m.Answered(), m.Answered(), m.Totals.Failed, m.Position.OutputBytes
	if m.Complete {
		r.Total = m.Answered()
	}
	if r.Failed > 0 {
		r.Errors = job.ErrorsPath(r.Output)
	}
}

// manifestReport is what the manifest beside an output tells.
func manifestReport(path string, m output.Manifest) jobReport {
	r := jobReport{Job: m.Claim.WorkflowID, State: stateUnfinished, Output: path, Task: m.Spec.Task}
	for _, f := range m.Input {
		r.Input = append(r.Input, f.Path)
	}
	r.count(m)
	if m.Complete {
		r.State = stateComplete
		r.summary = &job.Summary{
			Output: path, Errors: r.Errors, Records: r.Records, Failed: r.Failed, OutputBytes: r.OutputBytes,
			OutputDigest: m.OutputDigest.SHA256, TaskMicros: m.Totals.TaskMicros,
		}
	}
	return r
}

// look tells of a job: from the server where it is there, else from the manifest beside the output.
func (p *Program) look(ctx context.Context, o *placeOptions, arg string) (*engine, jobReport, error) {
	n, err := name(arg)
	if err != nil {
		return nil, jobReport{}, err
	}
	e, err := p.server(ctx, o)
	if err != nil && n.manifest != nil && !errors.Is(err, errUsage) {
		if !errors.Is(err, errNoServer) {
			fmt.Fprintf(p.Stderr, "%v; told from the manifest\n", err)
		}
		return nil, manifestReport(n.path, *n.manifest), nil
	}
	if err != nil {
		return nil, jobReport{}, err
	}
	f, ok, err := e.find(ctx, n)
	switch {
	case err != nil:
	case ok && (f.running() || n.manifest == nil || e.wrote(ctx, *n.manifest)):
		return e, e.report(ctx, f), nil
	case n.manifest != nil:
		return e, manifestReport(n.path, *n.manifest), nil
	default:
		err = e.noJob(p, arg)
	}
	e.close()
	return nil, jobReport{}, err
}

// wrote says whether the last job on an output was one of this server.
func (e *engine) wrote(ctx context.Context, m output.Manifest) bool {
	cluster, err := e.cluster(ctx)
	return err != nil || cluster == m.Claim.Cluster && e.settings.Namespace == m.Claim.Namespace
}

// print tells of the job for people.
func (r jobReport) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, progress.Printable(fmt.Sprintf(format, args...)))
	}
	row("job", "%s", r.Job)
	row("state", "%s", r.when())
	if r.Retry {
		row("retry", "of the failed records of the output")
	}
	if r.Reason != "" {
		row("reason", "%s", r.Reason)
	}
	if len(r.Input) > 0 {
		row("input", "%s", r.Input)
	}
	if r.Output != "" {
		row("output", "%s (%s)", r.Output, humanize.IBytes(uint64(r.OutputBytes)))
	}
	if r.Task != "" {
		row("task", "%s", r.Task)
	}
	row("done", "%s", r.counts())
	if r.Concurrency > 0 && (r.State == stateRunning || r.State == stateCanceling) {
		row("in flight", "%s of %s", humanize.Comma(int64(r.InFlight)), humanize.Comma(int64(r.Concurrency)))
		if r.Rate != "" {
			row("rate", "%s tries at most", r.Rate)
		}
	}
	if r.Ahead > 0 {
		ahead := humanize.Comma(r.Ahead) + " records ahead of the slowest"
		if r.Slowest != nil {
			ahead += ", which is " + r.Slowest.String()
		}
		row("ahead", "%s", ahead)
	}
	if r.Waiting != "" {
		row("waiting", "%s", r.Waiting)
	}
	if r.Errors != "" {
		row("errors", "%s", r.Errors)
	}
	if r.WebUI != "" {
		row("web UI", "%s", r.WebUI)
	}
	_ = t.Flush()
}

// when is the state, and since when.
func (r jobReport) when() string {
	switch {
	case r.Ended != nil:
		return fmt.Sprintf("%s %s, after %s", r.State, humanize.Time(*r.Ended), tidy(r.Ended.Sub(*r.Started)))
	case r.Paused:
		return fmt.Sprintf("%s, paused, started %s", r.State, humanize.Time(*r.Started))
	case r.Started != nil:
		return fmt.Sprintf("%s, started %s", r.State, humanize.Time(*r.Started))
	case r.State == stateUnfinished:
		return r.State + "; the same command as before resumes it"
	}
	return r.State
}

// counts is how many records are done.
func (r jobReport) counts() string {
	t := humanize.Comma(r.Records)
	if r.Total > 0 && r.State != stateComplete {
		about := ""
		if r.Estimated {
			about = "about "
		}
		t += fmt.Sprintf(" of %s%s", about, humanize.Comma(r.Total))
	}
	return t + fmt.Sprintf(" records, %s failed", humanize.Comma(r.Failed))
}

// printJSON prints a value as one line of JSON.
func (p *Program) printJSON(v any) error {
	enc := json.NewEncoder(p.Stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
