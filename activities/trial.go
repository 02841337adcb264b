package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/longhaul/longhaul/input"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// Trial does records one at a time as ProcessChunk does, and keeps nothing. An outage is not told from other failures. It is safe for concurrent use.
type Trial struct {
	Spec job.Spec
	Task task.Task
}

// Tried is how a record ended.
type Tried struct {
	Number int64
	// Line is its line of the output, without its end.
	Line []byte
	// Failed is why it failed, where it did.
	Failed error
	Tries  int
}

// Do does a record, with all the tries that the Spec allows. bad is what its reader said of it, where it breaks a rule of the input's format.
// Its error is that of ctx.
func (t *Trial) Do(ctx context.Context, r task.Record, bad *input.RecordError) (Tried, error) {
	a := &attempt{run: &chunkRun{spec: t.Spec, shared: &running{task: t.Task}}, record: r, bad: bad}
	res, failed := a.tries(ctx)
	if ctx.Err() != nil {
		return Tried{}, ctx.Err()
	}
	line := []byte(nil)
	if failed == nil {
		line, failed = a.line(res)
	}
	if failed != nil {
		payload, err := a.errorLine(failed)
		if err == nil {
			line, _, err = failureLines(t.Spec.Format, payload)
		}
		if err != nil {
			return Tried{}, err
		}
	}
	return Tried{Number: r.Number, Line: line, Failed: failed, Tries: a.record.Try}, nil
}

// tries tries until the record has a result, or has failed.
func (a *attempt) tries(ctx context.Context) (task.Result, error) {
	if a.bad != nil {
		return task.Result{}, a.bad
	}
	for {
		a.record.Try++
		res, err := a.once(ctx)
		if err == nil || ctx.Err() != nil {
			return res, err
		}
		class, after := task.Classify(err)
		delay := max(after, backoff(a.run.spec.Retry, a.record.Try))
		switch {
		case class == task.Starved:
			a.record.Try--
			delay = starvedPause
		case class == task.Permanent || a.record.Try >= a.run.spec.Retry.MaximumAttempts:
			return res, err
		}
		wait := time.NewTimer(delay)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return res, ctx.Err()
		}
	}
}

// once makes one try.
func (a *attempt) once(ctx context.Context) (task.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(a.run.spec.Timeout))
	defer cancel()
	start := time.Now()
	res, err := a.run.do(ctx, a.record)
	a.spent += time.Since(start)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = task.Fail(task.Transient, fmt.Errorf("no answer within %s", a.run.spec.Timeout))
	}
	return res, err
}
