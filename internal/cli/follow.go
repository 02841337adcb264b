package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/internal/codec"
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
	if j.page != "" {
		fmt.Fprintf(p.Stderr, "watch it: %s\n", j.page)
	}
}

// detached tells programs what was started.
func (p *Program) detached(e *engine, j *started) error {
	if !j.json {
		fmt.Fprintf(p.Stderr, "come back to it: %s\n", e.command(p, "watch", j.id))
		return nil
	}
	return p.printJSON(struct {
		Job    string `json:"job"`
		RunID  string `json:"runId"`
		Joined bool   `json:"joined,omitempty"`
		WebUI  string `json:"webUI,omitempty"`
	}{j.id, j.run.GetRunID(), j.joined, j.page})
}

const (
	progressHelp = "`mode`: auto, bar, plain, json or none"
	summaryHelp  = "print what was done as one JSON object"
)

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
	last.Ahead, last.Slowest = 0, nil
	last.Elapsed = time.Since(begun)
	return last
}

// askAgain is how long to wait before a server is asked again that did not answer.
const askAgain = time.Second

// result waits for the job's end, over continued and reset runs, and while the server does not answer.
func (e *engine) result(ctx context.Context, j *started) (s job.Summary, err error) {
	run := j.run
	for {
		err = untilAnswered(ctx, func() error { return run.Get(ctx, &s) })
		var terminated *temporal.TerminatedError
		if !errors.As(err, &terminated) {
			return s, err
		}
		var newest string
		derr := untilAnswered(ctx, func() error {
			d, err := e.client.DescribeWorkflowExecution(ctx, j.id, "")
			newest = d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
			return err
		})
		if derr != nil || newest == run.GetRunID() {
			return s, err
		}
		run = e.client.GetWorkflow(ctx, j.id, newest) // it was reset, and may be over by now
	}
}

// untilAnswered asks until the server answers, or ctx ends.
func untilAnswered(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		if !silent(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
		}
	}
}

// silent says whether an error tells that the server did not answer, and nothing of the job.
func silent(err error) bool {
	var unavailable *serviceerror.Unavailable
	var late *serviceerror.DeadlineExceeded
	var busy *serviceerror.ResourceExhausted
	var ended *temporal.WorkflowExecutionError
	if errors.As(err, &ended) {
		return false
	}
	return errors.As(err, &unavailable) || errors.As(err, &late) || errors.As(err, &busy) || errors.Is(err, context.DeadlineExceeded)
}

// gaveUp words the failure of a job.
func (p *Program) gaveUp(j *started, err error) error {
	var terminated *temporal.TerminatedError
	switch why := reason(err); {
	case why != "":
		return fmt.Errorf("job %s: %s", j.id, why)
	case temporal.IsCanceledError(err):
		return fmt.Errorf("job %s was canceled; what it wrote stands, and the same command resumes it", j.id)
	case errors.As(err, &terminated):
		return fmt.Errorf("job %s was terminated; what it wrote stands, and the same command resumes it", j.id)
	}
	return fmt.Errorf("job %s: %w", j.id, err)
}

// reason is why a job failed; empty where it did not by itself.
func reason(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		if app.Message() == codec.SealedMessage {
			return "why is encrypted (give the keys with --encryption-key-file)"
		}
		return app.Message()
	}
	return ""
}

// sealed says whether an error is that something is encrypted with a key that is not here.
func sealed(err error) bool {
	var unknown *codec.UnknownKeyError
	return errors.As(err, &unknown)
}

// warnUnserved tells how to serve task queues that no worker polls.
func warnUnserved(e *engine, queues []string) string {
	return fmt.Sprintf("no worker polls task queue %s; start one: %s", strings.Join(queues, " or "), e.workerCommand())
}

// workerCommand is the command line that starts a worker for this server.
func (e *engine) workerCommand() string {
	cmd := e.worker + " --address " + e.settings.HostPort
	if e.settings.Namespace != client.DefaultNamespace {
		cmd += " --namespace " + e.settings.Namespace
	}
	return strings.Join(append([]string{cmd}, e.settings.Given...), " ")
}
