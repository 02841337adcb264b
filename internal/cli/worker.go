package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/longhaul/longhaul/internal/dial"
	"github.com/longhaul/longhaul/internal/metrics"
	"github.com/longhaul/longhaul/internal/workers"
	"github.com/longhaul/longhaul/job"
)

type workerOptions struct {
	only           string
	stopTimeout    time.Duration
	connectTimeout time.Duration
	metrics        string
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

Exit status: 0 stopped as told; 1 could not run; 2 usage.`, job.TaskQueue, job.TaskQueueIO),
		Example: "  " + p.workerLine(name) + " --address temporal.example.com:7233\n  " +
			p.workerLine(name) + " --only io          # tasks only: more machines for them",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Errorf("unknown argument %q", args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return p.serve(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.only, "only", "", "serve one of the queues: `files` (workflows, listing, append) or io (tasks)")
	f.DurationVar(&o.stopTimeout, "stop-timeout", 10*time.Second, "how long tasks in flight may take to end when told to stop")
	f.DurationVar(&o.connectTimeout, "client-connect-timeout", 30*time.Second, "how long to wait for the server at the start")
	f.StringVar(&o.metrics, "metrics", os.Getenv(metricsVariable), "serve metrics for Prometheus at `host:port`, under /metrics (also by "+metricsVariable+")")
	o.log.register(f, slog.LevelInfo)
	o.dial = dial.Register(f)
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
	s.Logger, s.Identity = log, workers.Identity()
	c, err := dial.Connect(ctx, s.Options, o.connectTimeout)
	if err != nil {
		return s.NoServer(err, "is it started, and the address right?")
	}
	defer c.Close()
	fatal := make(chan error, 2)
	w, err := workers.Start(ctx, c, workers.Options{
		Files: o.only != "io", IO: o.only != "files", Tasks: p.Tasks, StopTimeout: o.stopTimeout, Namespace: s.Namespace,
		OnFatal: func(err error) { fatal <- err }, Metrics: m, Converter: s.DataConverter,
	})
	if err != nil {
		return err
	}
	log.Info("serving", "address", s.HostPort, "namespace", s.Namespace, "encryptionKeys", s.Keys.IDs())
	select {
	case err = <-fatal:
	case <-ctx.Done():
		log.Info("stopping", "stopTimeout", o.stopTimeout.String())
	}
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
