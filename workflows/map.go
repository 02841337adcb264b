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
	// Control is what was set since the job began, where anything was.
	Control *job.Control `json:"control,omitempty"`
	// Story is what the job's page tells of the runs before.
	Story story `json:"story,omitzero"`
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
	c := &coordinator{control: spec.Control(), raw: raw, carried: carried, budgeted: budgeted(raw)}
	if carried.Control != nil {
		c.control = *carried.Control
	}
	c.spec = newRated(spec.Controlled(c.control))
	c.free = c.entitled()
	c.root = ctx
	c.work, c.cancelWork = workflow.WithCancel(ctx)
	c.commit, _ = workflow.NewDisconnectedContext(ctx)
	c.static = staticDetails(ctx)
	if err := c.listen(); err != nil {
		return nil, err
	}
	err = workflow.SetQueryHandlerWithOptions(ctx, job.QueryProgress, func() (job.Progress, error) { return c.progress(), nil },
		workflow.QueryHandlerOptions{Description: "How far the job is: the position of the output, what runs, what is ahead."})
	return c, err
}

// run is the story of one run.
func (c *coordinator) run() (job.Summary, error) {
	p, err := prepare(c.work, job.PrepareRequest{Spec: c.spec.Spec, FirstRunID: workflow.GetInfo(c.root).FirstRunID})
	if err != nil {
		return job.Summary{}, c.stopped(err)
	}
	c.begin(p)
	c.tell()
	if !p.Complete {
		for c.advance() {
			c.wait()
			c.tellNow()
		}
	}
	switch {
	case c.complete && c.spec.Patch != nil:
		return c.patch()
	case c.complete:
		s := c.summary(p.Complete)
		c.tellEnd(s)
		return s, nil
	case c.err != nil:
		return job.Summary{}, c.stopped(c.err)
	case c.root.Err() != nil: // canceled while it drained: the next run would not know
		return job.Summary{}, c.stopped(c.root.Err())
	}
	c.heardOut()
	c.carried.Tokens = c.freeTokens
	c.carried.Control = nil
	if spec, _ := job.ParseSpec(c.raw); c.control != spec.Control() {
		c.carried.Control = &c.control
	}
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

// stopped makes an error the workflow's, and tells the job's page of it.
func (c *coordinator) stopped(err error) error {
	err = fail(err)
	c.tellStopped(err)
	return err
}

// fail makes an error the workflow's. An activity's failure keeps its type and message, without the layers around it. Each says what to do next.
func fail(err error) error {
	var app *temporal.ApplicationError
	var e *job.Error
	switch {
	case temporal.IsCanceledError(err):
		return temporal.NewCanceledError(goesOn)
	case errors.As(err, &app):
		message := app.Message()
		var d struct {
			Kind string `json:"kind"`
			Path string `json:"path,omitempty"`
			Hint string `json:"hint,omitempty"`
		}
		if !app.HasDetails() || app.Details(&d) != nil || d.Hint == "" {
			message += advice(job.Kind(app.Type()))
		}
		return temporal.NewApplicationErrorWithOptions(message, app.Type(), temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{d}})
	case errors.As(err, &e):
		message := e.Error()
		if e.Hint == "" {
			message += advice(e.Kind)
		}
		return temporal.NewNonRetryableApplicationError(message, string(e.Kind), nil)
	}
	return err
}

// goesOn is what to do where nothing else is to be done first.
const goesOn = "what was written stands, and the same command goes on from there"

// advice is what to do about an error that does not say so itself.
func advice(k job.Kind) string {
	if k == job.InvalidSpec {
		return " (put it right, and start the job again)"
	}
	return " (" + goesOn + ")"
}
