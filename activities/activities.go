package activities

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/internal/guard"
	"github.com/longhaul/longhaul/internal/metrics"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/shape"
	"github.com/longhaul/longhaul/slots"
	"github.com/longhaul/longhaul/task"
)

// Activities holds what the activities of one worker share. Its exported methods are the activities.
type Activities struct {
	// FS is where output and segments are; by default the operating system's, as far as Guard lets them.
	FS fsys.FS
	// Guard is what jobs may do on this worker; nil is everything.
	Guard *guard.Policy
	// Tasks is what this worker can run.
	Tasks task.Registry
	// Caller is how a task has an activity of another worker run.
	Caller task.Caller
	// StopTimeout is how long ProcessChunk lets tasks in flight end when it is told to stop.
	StopTimeout time.Duration
	// Busy, where there is one, is called before a task that is not an instant one runs.
	Busy func()
	// Cluster is the id of the Temporal cluster that the worker serves.
	Cluster string
	// Alive says whether the job that holds a claim on this cluster still runs.
	Alive func(context.Context, output.Claim) (bool, error)
	// Metrics is what the activities count their work in; nil where nobody asks for it.
	Metrics *metrics.Metrics

	mu   sync.Mutex
	jobs map[string]*running
	kept map[string]*keptTask
	// breakers, by run, are of jobs all of whose chunks wait.
	breakers map[string]keptBreaker
}

var _ job.Activities = (*Activities)(nil)

// running is what the chunks of one job share on this worker.
type running struct {
	pool    slots.Pool
	rate    slots.Rate
	bounded atomic.Bool // it has a bound
	asked   asked
	breaker *breaker
	task    task.Task
	users   int

	id, run, output string // of the job
	numbers         *metrics.Task
}

// claim is what the calling run writes into a manifest.
func (a *Activities) claim(ctx context.Context) output.Claim {
	info := activity.GetInfo(ctx)
	return output.Claim{
		Cluster:    a.Cluster,
		Namespace:  info.Namespace,
		WorkflowID: info.WorkflowExecution.ID,
		RunID:      info.WorkflowExecution.RunID,
	}
}

func (a *Activities) output(path string) output.Output {
	return output.At(a.fs(), path)
}

func (a *Activities) fs() fsys.FS {
	if a.FS == nil {
		return a.Guard.FS()
	}
	return a.FS
}

// acquire returns what the chunks of job id share, making it for the first of them, which is of that run. The caller must release it.
func (a *Activities) acquire(key, id, run string, s job.Spec) (*running, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.jobs[key]
	if r == nil {
		t, err := a.taskOf(key, s)
		if err != nil {
			return nil, err
		}
		if _, instant := t.(task.Instant); !instant && a.Busy != nil {
			a.Busy()
		}
		r = &running{
			task: t, breaker: a.unkeepBreaker(run, s), id: id, run: run, output: s.Output, numbers: a.Metrics.Task(s.Task.Name),
		}
		if a.jobs == nil {
			a.jobs = map[string]*running{}
		}
		a.jobs[key] = r
	}
	r.users++
	return r, nil
}

func (a *Activities) newTask(s job.Spec) (task.Task, error) {
	t, err := shape.NewTask(a.Tasks, s, a.Caller, a.Guard)
	if own := (*job.Error)(nil); errors.As(err, &own) {
		return nil, own
	}
	if err != nil {
		return nil, &job.Error{Kind: job.InvalidSpec, Op: "spec", Err: err}
	}
	return t, nil
}

// taskOf returns the task of a job that has none here: one that is kept, or a new one that was checked.
func (a *Activities) taskOf(key string, s job.Spec) (task.Task, error) {
	if t := a.unkeep(key); t != nil {
		return t, nil
	}
	t, err := a.newTask(s)
	if err != nil {
		return nil, err
	}
	if c, ok := t.(interface{ Check() error }); ok {
		if err := c.Check(); err != nil {
			var own *job.Error
			if errors.As(err, &own) {
				return nil, own
			}
			return nil, &job.Error{Kind: job.InvalidSpec, Op: "spec", Err: err, Hint: "install it on every worker, or name it by its path"}
		}
	}
	return t, nil
}

func (a *Activities) release(key string, r *running) {
	a.mu.Lock()
	r.users--
	last := r.users == 0
	if last {
		delete(a.jobs, key)
		a.keepBreaker(r.run, r.breaker)
		if _, ok := r.task.(task.Lasting); ok {
			a.keep(key, r.task)
			last = false
		}
	}
	a.mu.Unlock()
	if last {
		closeTask(r.task) // without the lock: programs may take a while to end
	}
}
