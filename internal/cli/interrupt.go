package cli

import (
	"context"
	"errors"
	"fmt"
)

// interrupted ends following at the user's wish: an embedded job stops and can be resumed, another one goes on.
func (p *Program) interrupted(e *engine, j *started) error {
	if e.embedded == nil {
		fmt.Fprintf(p.Stderr, "job %s goes on; the same command comes back to it, `%s` ends it\n", j.id, e.command(p, "cancel", j.id))
		return errInterrupted
	}
	p.stop(e)
	fmt.Fprintln(p.Stderr, "stopped; the same command resumes the job")
	return errInterrupted
}

// stop lets the tasks in flight end, at a further interrupt only with this process.
func (p *Program) stop(e *engine) {
	fmt.Fprintln(p.Stderr, "stopping: tasks in flight may end; interrupt again to stop at once")
	stopped := make(chan struct{})
	go func() {
		e.stopWorking()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-p.Signals:
		e.workers = nil
	}
}

// untilInterrupt runs what can be interrupted before there is a job to stop or to leave. Its error is errInterrupted then.
func (p *Program) untilInterrupt(ctx context.Context, run func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-p.Signals:
			cancel(errInterrupted)
		case <-ctx.Done():
		}
	}()
	err := run(ctx)
	cancel(nil)
	<-watched
	if errors.Is(context.Cause(ctx), errInterrupted) {
		fmt.Fprintln(p.Stderr, "interrupted before the job was begun")
		return errInterrupted
	}
	return err
}
