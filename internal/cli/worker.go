package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/longhaul/longhaul/internal/dial"
	"github.com/longhaul/longhaul/internal/health"
	"github.com/longhaul/longhaul/internal/metrics"
	"github.com/longhaul/longhaul/internal/workers"
	"github.com/longhaul/longhaul/job"
)

type workerOptions struct {
	only           string
	stopTimeout    time.Duration
	connectTimeout time.Duration
	metrics        string
	health         string
	guard          guardOptions
	log            logOptions
	dial           *dial.Flags
}

func (p *Program) workerCommand(name string) *cobra.Command {
	o := &workerOptions{}
	cmd := &cobra.Command{
		Use:   name + " [flags]",
		Short: "Do the work of longhaul's jobs",
		Long: fmt.Sprintf(`Serve the task queues %q (workflows, and what is done where the files are) and %q (the tasks)
of a Temporal server, until SIGINT or SIGTERM. Workers on several machines need the inputs and outputs under the same paths.

Told to stop, it takes no more work and lets the tasks in flight end, for --stop-timeout at most. Each flag may be given by the environment
instead, by the name that stands behind it.

Whoever may start workflows on the server decides what is done here, within the limits that --root, --allow-task, --allow-host and the other flags set. Commands are not run
unless --allow-task says so.

Exit status: 0 stopped as told; 1 could not run; 2 usage.`, job.TaskQueue, job.TaskQueueIO),
		Example: "  " + p.workerLine(name) + " --address temporal.example.com:7233\n  " +
			p.workerLine(name) + " --only io          # tasks only: more machines for them\n  " +
			p.workerLine(name) + " --root /data --allow-task http --allow-host '*.example.com' --deny-private",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Errorf("unknown argument %q", args[0]))
			}
			return nil
		},
		PreRunE: func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd.Flags()) },
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.serve(cmd.Context(), o) },

		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}, // longhaul has one
	}
	f := cmd.Flags()
	f.StringVar(&o.only, "only", "", "serve one of the queues: `files` (workflows, listing, append) or io (tasks)")
	f.DurationVar(&o.stopTimeout, "stop-timeout", 10*time.Second, "how long tasks in flight may take to end when told to stop")
	f.DurationVar(&o.connectTimeout, "client-connect-timeout", 30*time.Second, "how long to wait for the server at the start")
	f.StringVar(&o.metrics, "metrics", "", "serve metrics for Prometheus at `host:port`, under /metrics")
	f.StringVar(&o.health, "health", "", "serve "+health.Live+" and "+health.Ready+" at `host:port`: whether it lives, and whether it takes work")
	o.guard.register(f)
	o.log.register(f, slog.LevelInfo)
	o.dial = dial.Register(f)
	tellVariables(f)
	cmd.AddCommand(p.healthCommand(name))
	return cmd
}

// workerLine is how the worker is started by hand.
func (p *Program) workerLine(name string) string {
	if name == p.Name {
		return name
	}
	return p.Name + " " + name
}

func (p *Program) serve(ctx context.Context, o *workerOptions) error {
	log, err := o.log.logger(p.Stderr)
	if err != nil {
		return err
	}
	if o.only != "" && o.only != "files" && o.only != "io" {
		return usage(fmt.Errorf("--only %q: want files or io", o.only))
	}
	policy, err := o.guard.policy(p.Tasks)
	if err != nil {
		return err
	}
	defer policy.Close()
	s, err := o.dial.Load()
	if err != nil {
		return usage(err)
	}
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	var m *metrics.Metrics
	if o.metrics != "" {
		served, err := metrics.Serve(o.metrics)
		if err != nil {
			return err
		}
		defer served.Close()
		m, s.MetricsHandler = served.Metrics, served.SDK
		log.Info("serving metrics", "url", "http://"+served.Address+metrics.Path)
	}
	h, err := o.serveHealth(log)
	if err != nil {
		return err
	}
	defer h.Close()
	s.Logger, s.Identity = log, workers.Identity()
	c, err := dial.Connect(ctx, s.Options, o.connectTimeout)
	if err != nil {
		return s.NoServer(err, "is it started, and the address right?")
	}
	defer c.Close()
	fatal := make(chan error, 2)
	w, err := workers.Start(ctx, c, workers.Options{
		Files: o.only != "io", IO: o.only != "files", Tasks: p.Tasks, StopTimeout: o.stopTimeout, Namespace: s.Namespace,
		OnFatal: func(err error) { fatal <- err }, Metrics: m, Guard: policy, Converter: s.DataConverter,
	})
	if err != nil {
		return err
	}
	log.Info("serving", "address", s.HostPort, "namespace", s.Namespace, "encryptionKeys", s.Keys.IDs())
	h.Ready(func(ctx context.Context) error { return answers(ctx, c, s.HostPort) })
	select {
	case err = <-fatal:
	case <-ctx.Done():
		log.Info("stopping", "stopTimeout", o.stopTimeout.String())
	}
	h.NotReady("stopping: it takes no more work, and lets the tasks in flight end")
	w.Stop()
	return err
}

// untilSignal returns a context that the first interrupt ends.
func (p *Program) untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-p.Signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// serveHealth answers whether the worker lives and takes work, where that is asked for.
func (o *workerOptions) serveHealth(log *slog.Logger) (*health.Server, error) {
	if o.health == "" {
		return nil, nil
	}
	h, err := health.Serve(o.health)
	if err != nil {
		return nil, err
	}
	log.Info("serving health", "url", "http://"+h.Address+health.Ready)
	return h, nil
}

// answers says whether the server that the worker polls is there. A worker whose server is away goes on polling, and goes on when it is back.
func answers(ctx context.Context, c client.Client, address string) error {
	if _, err := c.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{}); err != nil {
		return fmt.Errorf("no Temporal server at %s: %w", address, err)
	}
	return nil
}

// healthCommand asks a worker, for containers that hold no other program to do so.
func (p *Program) healthCommand(worker string) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "health [flags]",
		Short: "Ask a worker on this machine whether it takes work",
		Long: `Ask a worker on this machine, at the address that its --health names, whether it is connected to its server and takes work.

Exit status: 0 it does; 1 it does not, or does not answer; 2 usage.`,
		Example: "  " + p.workerLine(worker) + " health --health 127.0.0.1:9465",
		Args:    noArguments,
		PreRunE: func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd.Flags()) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if address == "" {
				return usage(fmt.Errorf("no address to ask: name the worker's with --health or %s", variable("health")))
			}
			return health.Ask(cmd.Context(), address)
		},
	}
	cmd.Flags().StringVar(&address, "health", "", "the `host:port` that the worker was given")
	tellVariables(cmd.Flags())
	return cmd
}
