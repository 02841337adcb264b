package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/longhaul/longhaul/internal/dial"
	"github.com/longhaul/longhaul/internal/progress"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// runOptions is the flags of longhaul run.
type runOptions struct {
	output, http, task, format, jobID, stateDir, progress string
	taskArgs, command                                     []string
	concurrency, tries                                    int
	timeout, stopTimeout                                  time.Duration
	overwrite, detach, embedded                           bool
	input                                                 inputOptions
	dial                                                  *dial.Flags
}

func (p *Program) runCommand() *cobra.Command {
	o := &runOptions{}
	cmd := &cobra.Command{
		Use:   "run INPUT... --output OUTPUT [flags] [-- COMMAND ARG...]",
		Short: "Start a job, join it, resume it, or say that it is done",
		Long: `Run a task for each record of INPUT, many at once, and write the results to OUTPUT, line N for record N.

` + inputHelp + `

The same command starts the job, joins it while it runs, resumes it after a crash or an interrupt, and says that it is done.
Without a Temporal server configured, and none at the default address, it runs one of its own and does the work itself.

The task is one of
  --http TEMPLATE      a GET request; TEMPLATE is its URL, a Go template over the record: '{{.}}' or 'https://host/{{.}}'
  -- COMMAND ARG...    a command; {} in an argument is the record; without any {} the record is its standard input
  --task NAME          a task by its name: ` + strings.Join(slices.Sorted(maps.Keys(p.Tasks)), ", ") + `;
                       double waits --task-arg delay=1s and answers twice the number, echo answers the record

` + exitHelp,
		Example: p.examples(`  longhaul run urls.txt --output pages.jsonl --http '{{.}}' --concurrency 100
  longhaul run ids.txt --output users.jsonl --http 'https://api.example.com/users/{{.}}'
  longhaul run users.csv --input-format csv --output users.jsonl --http 'https://api.example.com/users/{{.id}}'
  longhaul run 'logs/*.gz' --output checked.txt --sample 1% -- ./check
  find . -type f -print0 | longhaul run - --input-format nul --output sums.txt -- sha256sum {}
  longhaul run numbers.txt --output doubled.txt --task double --task-arg delay=1s`),
		Args: func(cmd *cobra.Command, args []string) error {
			inputs := args
			if dash := cmd.ArgsLenAtDash(); dash >= 0 {
				inputs = args[:dash]
				if o.command = args[dash:]; len(o.command) == 0 {
					return usage(errors.New("no command after --"))
				}
			}
			o.input.paths = inputs
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return p.run(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.output, "output", "o", "", "the ordered output `file`")
	o.input.register(f)
	f.StringVar(&o.http, "http", "", "request this URL for each record: a Go `template`")
	f.StringVar(&o.task, "task", "", "run the task of this `name`")
	f.StringArrayVar(&o.taskArgs, "task-arg", nil, "argument of that task as `K=V`, repeatable")
	f.StringVar(&o.format, "format", "", "output `format`: text or json (default json with --http, else text)")
	f.IntVarP(&o.concurrency, "concurrency", "c", 64, "tasks in flight at most, over all workers together")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "time-out of one try of a task")
	f.IntVar(&o.tries, "retries", 5, "`tries` of a task in all")
	f.StringVar(&o.jobID, "job", "", "the job's `id` (default: derived from the output's path)")
	f.BoolVar(&o.overwrite, "overwrite", false, "start anew although OUTPUT exists")
	f.BoolVarP(&o.detach, "detach", "d", false, "start the job and return (needs a server)")
	f.StringVar(&o.progress, "progress", string(progress.Auto), "`mode`: auto, bar, plain, json or none")
	f.BoolVar(&o.embedded, "embedded", false, "run the embedded server even where one listens at the default address")
	f.StringVar(&o.stateDir, "state-dir", "", "`folder` of the embedded server's database and log (default: longhaul in the user's state directory)")
	f.DurationVar(&o.stopTimeout, "stop-timeout", 10*time.Second, "how long tasks in flight may take to end at an interrupt")
	o.dial = dial.Register(f)
	return cmd
}

// spec makes the flags a Spec. Its input is empty where that is standard input.
func (o *runOptions) spec(tasks task.Registry) (job.Spec, error) {
	if o.output == "" {
		return job.Spec{}, usage(errors.New("no --output given"))
	}
	s := job.Spec{
		Format: job.Format(o.format), Concurrency: o.concurrency, Timeout: job.Duration(o.timeout),
		Retry: job.Retry{MaximumAttempts: o.tries}, Overwrite: o.overwrite,
	}
	err := o.input.set(&s)
	if err != nil {
		return s, err
	}
	if s.Output, err = filepath.Abs(o.output); err != nil {
		return s, err
	}
	if s.Task, err = o.taskSpec(); err != nil {
		return s, usage(err)
	}
	for _, check := range []struct {
		flag string
		bad  bool
	}{{"--concurrency", o.concurrency < 1}, {"--timeout", o.timeout <= 0}, {"--retries", o.tries < 1}} {
		if check.bad { // 0 would mean the default
			return s, usage(fmt.Errorf("%s must be positive", check.flag))
		}
	}
	s = s.WithDefaults()
	if err := o.input.validate(s); err != nil {
		return s, err
	}
	_, err = tasks.New(s.Task.Name, task.Config{Args: s.Task.Args, Concurrency: s.Concurrency})
	if err != nil {
		return s, usage(err)
	}
	return s, nil
}

func (o *runOptions) taskSpec() (job.Task, error) {
	kinds := 0
	for _, given := range []bool{o.http != "", len(o.command) > 0, o.task != ""} {
		if given {
			kinds++
		}
	}
	switch {
	case kinds == 0:
		return job.Task{}, errors.New("no task given: one of --http, --task, or -- COMMAND")
	case kinds > 1:
		return job.Task{}, errors.New("more than one task given: choose among --http, --task and -- COMMAND")
	case len(o.taskArgs) > 0 && o.task == "":
		return job.Task{}, errors.New("--task-arg goes with --task")
	case o.http != "":
		return taskOf(job.TaskHTTP, map[string]any{"url": o.http})
	case len(o.command) > 0:
		return taskOf("exec", map[string]any{"command": slices.Clone(o.command)})
	}
	args := map[string]any{}
	for _, kv := range o.taskArgs {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			return job.Task{}, fmt.Errorf("--task-arg %q: want K=V", kv)
		}
		args[k] = v
	}
	return taskOf(o.task, args)
}

// run runs the command.
func (p *Program) run(ctx context.Context, o *runOptions) error {
	spec, err := o.spec(p.Tasks)
	if err != nil {
		return err
	}
	mode, err := p.mode(o.progress)
	if err != nil {
		return usage(err)
	}
	if o.jobID == "" {
		o.jobID = job.IDOf(spec.Output)
	}
	settings, err := o.dial.Load()
	if err != nil {
		return usage(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if o.input.stdin() {
		if spec.Input, err = p.takeStdin(ctx, spec); err != nil {
			return err
		}
	}
	e, err := p.engine(ctx, o, settings)
	if err != nil {
		return err
	}
	defer e.close()
	j, err := e.start(ctx, o.jobID, spec)
	if err != nil {
		return err
	}
	p.announce(e, j)
	if o.detach {
		return nil
	}
	return p.follow(ctx, e, j, mode)
}

// mode resolves the progress mode.
func (p *Program) mode(name string) (progress.Mode, error) {
	m := progress.Mode(name)
	if m == progress.Auto {
		if m = progress.Plain; p.Terminal {
			m = progress.Bar
		}
	}
	if !slices.Contains([]progress.Mode{progress.Bar, progress.Plain, progress.JSON, progress.None}, m) {
		return m, fmt.Errorf("--progress %q: want auto, bar, plain, json or none", name)
	}
	return m, nil
}
