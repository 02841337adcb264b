package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/internal/progress"
	"github.com/longhaul/longhaul/job"
)

// announce says what was started, and where it can be watched.
func (p *Program) announce(e *engine, j *started) {
	verb := "started"
	if j.joined {
		verb = "joined, which runs already,"
	}
	where := "at " + e.settings.HostPort
	if e.embedded != nil {
		where = "on the embedded server at " + e.settings.HostPort
	}
	fmt.Fprintf(p.Stderr, "job %s %s %s\n", j.id, verb, where)
	if page := e.page(j.id, j.run.GetRunID()); page != "" {
		fmt.Fprintf(p.Stderr, "watch it: %s\n", page)
	}
}

// follow shows the job's progress until it ends or the user interrupts.
func (p *Program) follow(ctx context.Context, e *engine, j *started, mode progress.Mode) error {
	display, err := progress.New(mode, p.Stderr, p.Colour)
	if err != nil {
		return err
	}
	begun := time.Now()
	pollCtx, stopPolling := context.WithCancel(ctx)
	snapshots := make(chan progress.Snapshot)
	polled := make(chan struct{})
	go func() {
		defer close(polled)
		e.poll(pollCtx, j, begun, snapshots)
	}()
	closeDisplay := func() {
		stopPolling()
		<-polled
		display.Close()
	}
	type end struct {
		summary job.Summary
		err     error
	}
	ended := make(chan end, 1)
	go func() {
		s, err := e.result(ctx, j)
		ended <- end{s, err}
	}()
	var last progress.Snapshot
	for {
		select {
		case last = <-snapshots:
			display.Show(last)
		case r := <-ended:
			if r.err == nil && !r.summary.AlreadyDone {
				last = final(last, r.summary, begun)
				display.Show(last)
			}
			closeDisplay()
			if r.err != nil {
				return p.gaveUp(j, r.err)
			}
			return p.done(e, j, r.summary, last)
		case <-p.Signals:
			closeDisplay()
			return p.interrupted(e, j)
		}
	}
}

// final is the snapshot of a job that ended well.
func final(last progress.Snapshot, s job.Summary, begun time.Time) progress.Snapshot {
	last.Done, last.Written, last.Total, last.Estimated = s.Records, s.Records, s.Records, false
	last.Failed, last.InFlight, last.Trouble = s.Failed, 0, ""
	if s.Retried > 0 {
		last.Done, last.Written, last.Total, last.Failed = s.Retried, s.Retried, s.Retried, s.FailedAgain
	}
	last.Elapsed = time.Since(begun)
	return last
}

// result waits for the job's end, over continued and reset runs.
func (e *engine) result(ctx context.Context, j *started) (s job.Summary, err error) {
	run := j.run
	for {
		err = run.Get(ctx, &s)
		var terminated *temporal.TerminatedError
		if !errors.As(err, &terminated) {
			return s, err
		}
		d, derr := e.client.DescribeWorkflowExecution(ctx, j.id, "")
		info := d.GetWorkflowExecutionInfo()
		if derr != nil || info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return s, err
		}
		run = e.client.GetWorkflow(ctx, j.id, info.GetExecution().GetRunId()) // it was reset
	}
}

// done prints what a finished job did.
func (p *Program) done(e *engine, j *started, s job.Summary, last progress.Snapshot) error {
	took := last.Elapsed
	switch alone := time.Duration(s.TaskMicros) * time.Microsecond; {
	case s.Retried > 0:
		p.retried(s, took)
	case s.AlreadyDone:
		fmt.Fprintf(p.Stdout, "already done: %s records, %s failed\n", humanize.Comma(s.Records), humanize.Comma(s.Failed))
	case last.Before > 0 || took <= 0:
		fmt.Fprintf(p.Stdout, "done: %s records, %s failed; resumed at record %s, in %s\n",
			humanize.Comma(s.Records), humanize.Comma(s.Failed), humanize.Comma(last.Before), tidy(took))
	default:
		fmt.Fprintf(p.Stdout, "done: %s records, %s failed, in %s", humanize.Comma(s.Records), humanize.Comma(s.Failed), tidy(took))
		if alone > took {
			fmt.Fprintf(p.Stdout, "; one by one about %s, %.1f times as long", tidy(alone), alone.Seconds()/took.Seconds())
		}
		fmt.Fprintln(p.Stdout)
	}
	fmt.Fprintf(p.Stdout, "output: %s (%s)\n", s.Output, humanize.IBytes(uint64(s.OutputBytes)))
	if s.Failed > 0 {
		fmt.Fprintf(p.Stdout, "errors: %s\n", s.Errors)
	}
	if page := e.page(j.id, j.run.GetRunID()); page != "" {
		fmt.Fprintf(p.Stdout, "web UI: %s\n", page)
	}
	if s.Failed > 0 {
		return errSomeFailed
	}
	return nil
}

// tidy rounds a duration to what matters of it.
func tidy(d time.Duration) time.Duration {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

// gaveUp words the failure of a job.
func (p *Program) gaveUp(j *started, err error) error {
	var app *temporal.ApplicationError
	var terminated *temporal.TerminatedError
	switch {
	case errors.As(err, &app):
		return fmt.Errorf("job %s: %s", j.id, app.Message())
	case temporal.IsCanceledError(err):
		return fmt.Errorf("job %s was canceled; what it wrote stands, and the same command resumes it", j.id)
	case errors.As(err, &terminated):
		return fmt.Errorf("job %s was terminated; what it wrote stands, and the same command resumes it", j.id)
	}
	return fmt.Errorf("job %s: %w", j.id, err)
}

// interrupted ends following at the user's wish: an embedded job stops and can be resumed, another one goes on.
func (p *Program) interrupted(e *engine, j *started) error {
	if e.embedded == nil {
		fmt.Fprintf(p.Stderr, "job %s goes on; the same command comes back to it, `temporal workflow cancel --workflow-id %s` ends it\n", j.id, j.id)
		return errInterrupted
	}
	fmt.Fprintln(p.Stderr, "stopping: tasks in flight may end; interrupt again to stop at once")
	stopped := make(chan struct{})
	go func() {
		e.stopWorking()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-p.Signals:
		e.workers = nil // its tasks end with this process
	}
	fmt.Fprintln(p.Stderr, "stopped; the same command resumes the job")
	return errInterrupted
}

// warnUnserved tells how to serve task queues that no worker polls.
func warnUnserved(e *engine, queues []string) string {
	cmd := e.worker + " --address " + e.settings.HostPort
	if e.settings.Namespace != "default" {
		cmd += " --namespace " + e.settings.Namespace
	}
	return fmt.Sprintf("no worker polls task queue %s; start one: %s", strings.Join(queues, " or "), cmd)
}
