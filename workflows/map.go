package workflows

import (
	"encoding/json"
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/longhaul/longhaul/job"
)

// Carried is what one run of the workflow leaves to the next beside the output: estimates, nothing that correctness needs.
type Carried struct {
	Runs int  `json:"runs"`
	Pace Pace `json:"pace"`
	// Tokens is the tries saved up for the job's rate.
	Tokens float64 `json:"tokens,omitempty"`
}

// Map is the workflow: it maps the input of a job.Spec to its output. Its first argument is a Spec as JSON, decoded here so that
// a mistake in it fails the workflow by name; users give no second one.
func Map(ctx workflow.Context, spec json.RawMessage, carried Carried) (job.Summary, error) {
	c, err := setUp(ctx, spec, carried)
	if err != nil {
		return job.Summary{}, fail(err)
	}
	return c.run()
}

// setUp validates the Spec and registers the handlers.
func setUp(ctx workflow.Context, raw json.RawMessage, carried Carried) (*coordinator, error) {
	spec, err := job.ParseSpec(raw)
	if err != nil {
		return nil, err
	}
	carried.Runs++
	c := &coordinator{spec: newRated(spec), raw: raw, carried: carried, free: spec.Concurrency, budgeted: budgeted(raw)}
	c.root = ctx
	c.work, c.cancelWork = workflow.WithCancel(ctx)
	c.commit, _ = workflow.NewDisconnectedContext(ctx)
	c.returned = workflow.GetSignalChannel(ctx, job.SignalSlotsReturned)
	err = workflow.SetQueryHandlerWithOptions(ctx, job.QueryProgress, func() (job.Progress, error) { return c.progress(), nil },
		workflow.QueryHandlerOptions{Description: "How far the job is: the position of the output, what runs, what is ahead."})
	return c, err
}

// run is the story of one run.
func (c *coordinator) run() (job.Summary, error) {
	p, err := prepare(c.work, job.PrepareRequest{Spec: c.spec.Spec, FirstRunID: workflow.GetInfo(c.root).FirstRunID})
	if err != nil {
		return job.Summary{}, fail(err)
	}
	c.begin(p)
	if !p.Complete {
		for c.advance() {
			c.wait()
		}
	}
	switch {
	case c.complete && c.spec.Patch != nil:
		return c.patch()
	case c.complete:
		return c.summary(p.Complete), nil
	case c.err != nil:
		return job.Summary{}, fail(c.err)
	case c.root.Err() != nil: // canceled while it drained: the next run would not know
		return job.Summary{}, fail(c.root.Err())
	}
	c.carried.Tokens = c.freeTokens
	return job.Summary{}, workflow.NewContinueAsNewError(c.root, job.WorkflowType, c.raw, c.carried)
}

// summary tells how the job ended.
func (c *coordinator) summary(already bool) job.Summary {
	s := job.Summary{
		Output: c.spec.Output, Records: c.position.Records, Failed: c.totals.Failed, OutputBytes: c.position.OutputBytes,
		OutputDigest: c.digest, TaskMicros: c.totals.TaskMicros, AlreadyDone: already && c.carried.Runs == 1,
	}
	if s.Failed > 0 {
		s.Errors = job.ErrorsPath(c.spec.Output)
	}
	return s
}

// fail makes an error the workflow's. An activity's failure keeps its type and message, without the layers around it.
func fail(err error) error {
	var app *temporal.ApplicationError
	var e *job.Error
	switch {
	case temporal.IsCanceledError(err):
		return temporal.NewCanceledError()
	case errors.As(err, &app):
		return temporal.NewApplicationErrorWithOptions(app.Message(), app.Type(), temporal.ApplicationErrorOptions{NonRetryable: true, Cause: err})
	case errors.As(err, &e):
		return temporal.NewNonRetryableApplicationError(e.Error(), string(e.Kind), nil)
	}
	return err
}
