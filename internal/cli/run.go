package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/internal/dial"
	"github.com/longhaul/longhaul/internal/progress"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/shape"
	"github.com/longhaul/longhaul/task"
)

// runOptions is the flags of longhaul run.
type runOptions struct {
	task                              taskOptions
	output, jobID, stateDir, progress string
	concurrency                       int
	timeout, stopTimeout              time.Duration
	overwrite, detach, embedded, json bool
	input                             inputOptions
	shape                             outputOptions
	trial                             trialOptions
	limits                            limitOptions
	log                               logOptions
	attributes                        attributesFlag
	dial                              *dial.Flags
}

func (p *Program) runCommand() *cobra.Command {
	o := &runOptions{}
	cmd := &cobra.Command{
		Use:   "run INPUT... --output OUTPUT [flags] [-- COMMAND ARG...]",
		Short: "Start a job, join it, resume it, or say that it is done",
		Long: `Run a task for each record of INPUT, many at once, and write the results to OUTPUT, line N for record N.

` + inputHelp + `

The same command starts the job, joins it while it runs, resumes it after a crash or an interrupt, and says that it is done.
--dry-run shows what would be done, and --try 10 does it for the first ten records: neither needs --output or leaves anything behind.
Without a Temporal server configured, and none at the default address, it runs one of its own and does the work itself.

` + taskHelp(p.Tasks) + `

` + exitHelp,
		Example: p.examples(`  longhaul run urls.txt --output pages.jsonl --http '{{.}}' --concurrency 100
  longhaul run ids.txt --output users.jsonl --http 'https://api.example.com/users/{{.}}'
  longhaul run users.csv --input-format csv --output users.jsonl --http 'https://api.example.com/users/{{.id}}'
  longhaul run ids.txt --dry-run --http 'https://api.example.com/users/{{.}}'
  longhaul run ids.txt --output users.jsonl --order completion --format record --http 'https://api.example.com/users/{{.}}'
  longhaul run 'logs/*.gz' --output checked.txt --sample 1% -- ./check
  find . -type f -print0 | longhaul run - --input-format nul --output sums.txt -- sha256sum {}
  longhaul run objects.jsonl --output names.jsonl --pipe -- jq --unbuffered -c .name
  longhaul run numbers.txt --output doubled.txt --task double --task-arg delay=1s`),
		Args: func(cmd *cobra.Command, args []string) error {
			inputs := args
			if dash := cmd.ArgsLenAtDash(); dash >= 0 {
				inputs = args[:dash]
				if o.task.command = args[dash:]; len(o.task.command) == 0 {
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
	o.shape.register(f)
	o.registerWork(f)
	o.trial.register(f)
	f.StringVar(&o.jobID, "job", "", "the job's `id` (default: derived from the output's path)")
	f.BoolVar(&o.overwrite, "overwrite", false, "start anew although OUTPUT exists")
	o.registerEngine(f)
	return cmd
}

// registerWork adds the flags that say what is done for each record, and how hard.
func (o *runOptions) registerWork(f *pflag.FlagSet) {
	o.task.register(f)
	f.IntVarP(&o.concurrency, "concurrency", "c", 64, "tasks in flight at most, over all workers together")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "time-out of one try of a task")
	o.limits.register(f)
}

// registerEngine adds the flags that say where it is done, and what is shown of it.
func (o *runOptions) registerEngine(f *pflag.FlagSet) {
	o.attributes.register(f)
	f.BoolVarP(&o.detach, "detach", "d", false, "start the job and return (needs a server)")
	f.StringVar(&o.progress, "progress", string(progress.Auto), progressHelp)
	f.BoolVar(&o.json, "json", false, summaryHelp)
	f.BoolVar(&o.embedded, "embedded", false, "run the embedded server even where one listens at the default address")
	f.StringVar(&o.stateDir, "state-dir", "", "`folder` of the embedded server's database and log (default: longhaul in the user's state directory)")
	f.DurationVar(&o.stopTimeout, "stop-timeout", 10*time.Second, "how long tasks in flight may take to end at an interrupt")
	o.log.register(f, slog.LevelWarn)
	o.dial = dial.Register(f)
}

// spec makes the flags a Spec. Its input is empty where that is standard input.
func (o *runOptions) spec(tasks task.Registry) (job.Spec, error) {
	if o.output == "" {
		if !o.trial.wanted() {
			return job.Spec{}, usage(errors.New("no --output given"))
		}
		o.output = trialOutput()
	}
	var s job.Spec
	o.shape.set(&s)
	err := o.input.set(&s)
	if err != nil {
		return s, err
	}
	if s.Output, err = filepath.Abs(o.output); err != nil {
		return s, err
	}
	if s.Task, err = o.task.spec(); err != nil {
		return s, usage(err)
	}
	return s, o.setWork(&s, tasks)
}

// setWork sets what the flags of registerWork say, sets the defaults, and checks all.
func (o *runOptions) setWork(s *job.Spec, tasks task.Registry) error {
	for _, check := range []struct {
		flag string
		bad  bool
	}{{"--concurrency", o.concurrency < 1}, {"--timeout", o.timeout <= 0}} {
		if check.bad { // 0 would mean the default
			return usage(fmt.Errorf("%s must be positive", check.flag))
		}
	}
	s.Concurrency, s.Timeout, s.Overwrite = o.concurrency, job.Duration(o.timeout), o.overwrite
	if err := o.limits.apply(s); err != nil {
		return err
	}
	*s = s.WithDefaults()
	if err := o.input.validate(*s); err != nil {
		return err
	}
	if _, err := shape.NewTask(tasks, *s, nil, nil); err != nil {
		return usage(err)
	}
	return nil
}

// run runs the command.
func (p *Program) run(ctx context.Context, o *runOptions) error {
	spec, err := o.spec(p.Tasks)
	if err != nil {
		return err
	}
	if o.jobID == "" {
		o.jobID = job.IDOf(spec.Output)
	}
	if o.trial.wanted() {
		return p.trial(ctx, o, spec)
	}
	return p.work(ctx, o, spec)
}

// work starts, joins or resumes the job, and follows it.
func (p *Program) work(ctx context.Context, o *runOptions, spec job.Spec) error {
	mode, err := p.mode(o.progress)
	if err != nil {
		return usage(err)
	}
	load := o.dial.Load
	if o.embedded {
		load = o.dial.LoadEmbedded
	}
	settings, err := load()
	if err != nil {
		return usage(err)
	}
	if err := o.log.check(); err != nil {
		return err
	}
	if err := o.attributes.check(); err != nil {
		return err
	}
	found := temporal.SearchAttributes{}
	if o.attributes.wanted {
		if settings.Keys != nil {
			return usage(errors.New("--search-attributes with encryption keys: a server can search only what it can read, and would be given the paths in plain (leave the one or the other out)"))
		}
		if found, err = attributesOf(spec); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if o.input.stdin() {
		if spec.Input, err = p.takeStdin(ctx, spec); err != nil {
			return err
		}
	}
	var e *engine
	err = p.untilInterrupt(ctx, func(ctx context.Context) (err error) {
		e, err = p.engine(ctx, o, settings)
		return err
	})
	if e != nil {
		defer e.close()
	}
	if err != nil {
		return err
	}
	if o.attributes.wanted {
		if err := e.readyAttributes(ctx); err != nil {
			return err
		}
	}
	j, err := e.start(ctx, o.jobID, spec, p.detailsOf(spec, p.args), found)
	if err != nil {
		return err
	}
	j.json = o.json
	p.announce(e, j)
	if o.detach {
		return p.detached(e, j)
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
