package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/longhaul/longhaul/internal/dial"
	"github.com/longhaul/longhaul/internal/workers"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// Exit statuses.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

var errUsage = errors.New("usage")

// run is the program, with its surroundings given to it. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmd := newCommand(stderr)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(stderr, "longhaul-worker:", err)
	if errors.Is(err, errUsage) {
		fmt.Fprintln(stderr, "Try longhaul-worker --help.")
		return exitUsage
	}
	return exitError
}

type options struct {
	only           string
	stopTimeout    time.Duration
	connectTimeout time.Duration
	logLevel       string
	logFormat      string
	dial           *dial.Flags
}

func newCommand(stderr io.Writer) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "longhaul-worker [flags]",
		Short: "Do the work of longhaul's jobs",
		Long: fmt.Sprintf(`Serve the task queues %q (workflows, and what is done where the files are) and %q (the tasks)
of a Temporal server, until SIGINT or SIGTERM. Workers on several machines need the inputs and outputs under the same paths.

Exit status: 0 stopped as told; 1 could not run; 2 usage.`, job.TaskQueue, job.TaskQueueIO),
		Example: `  longhaul-worker --address temporal.example.com:7233
  longhaul-worker --only io          # tasks only: more machines for them`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return o.serve(cmd.Context(), stderr) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := cobra.NoArgs(cmd, args); err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		return nil
	}
	f := cmd.Flags()
	f.StringVar(&o.only, "only", "", "serve one of the queues: `files` (workflows, listing, append) or io (tasks)")
	f.DurationVar(&o.stopTimeout, "stop-timeout", 10*time.Second, "how long tasks in flight may take to end when told to stop")
	f.DurationVar(&o.connectTimeout, "client-connect-timeout", 30*time.Second, "how long to wait for the server at the start")
	f.StringVar(&o.logLevel, "log-level", "info", "`level`: debug, info, warn or error")
	f.StringVar(&o.logFormat, "log-format", "text", "`format`: text or json")
	o.dial = dial.Register(f)
	return cmd
}

func (o *options) serve(ctx context.Context, stderr io.Writer) error {
	log, err := o.logger(stderr)
	if err != nil {
		return err
	}
	if o.only != "" && o.only != "files" && o.only != "io" {
		return fmt.Errorf("%w: --only %q: want files or io", errUsage, o.only)
	}
	s, err := o.dial.Load()
	if err != nil {
		return err
	}
	s.Logger, s.Identity = log, workers.Identity()
	c, err := dial.Connect(ctx, s.Options, o.connectTimeout)
	if err != nil {
		return fmt.Errorf("no Temporal server at %s: %w", s.HostPort, err)
	}
	defer c.Close()
	fatal := make(chan error, 2)
	w, err := workers.Start(ctx, c, workers.Options{
		Files: o.only != "io", IO: o.only != "files", Tasks: task.Builtin(), StopTimeout: o.stopTimeout, Namespace: s.Namespace,
		OnFatal: func(err error) { fatal <- err },
	})
	if err != nil {
		return err
	}
	log.Info("serving", "address", s.HostPort, "namespace", s.Namespace)
	select {
	case err = <-fatal:
	case <-ctx.Done():
		log.Info("stopping", "stopTimeout", o.stopTimeout.String())
	}
	w.Stop()
	return err
}

func (o *options) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.logLevel)); err != nil {
		return nil, fmt.Errorf("%w: --log-level %q: want debug, info, warn or error", errUsage, o.logLevel)
	}
	h := &slog.HandlerOptions{Level: level}
	switch o.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, h)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, h)), nil
	}
	return nil, fmt.Errorf("%w: --log-format %q: want text or json", errUsage, o.logFormat)
}
