package cli

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/longhaul/longhaul/internal/dial"
	"github.com/longhaul/longhaul/job"
)

type devOptions struct {
	stateDir    string
	stopTimeout time.Duration
	encryption  dial.Encryption
	log         logOptions
	json        bool
}

func (p *Program) devCommand() *cobra.Command {
	o := &devOptions{}
	cmd := &cobra.Command{
		Use:   "dev [flags]",
		Short: "Run the embedded server and a worker in the foreground",
		Long: `Run Temporal's development server, whose database is in the state folder, and a worker, until an interrupt: for jobs that are started elsewhere on this machine, detached,
or by Temporal's own command line. It shares the state folder with ` + p.Name + ` run, which finds it there. Others name it with --address.

Exit status: 0 stopped as told; 1 could not run; 2 usage.`,
		Example: p.examples(`  longhaul dev
  longhaul dev --state-dir /tmp/longhaul --json`),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.dev(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.stateDir, "state-dir", "", "`folder` of the server's database and log (default: longhaul in the user's state directory)")
	f.DurationVar(&o.stopTimeout, "stop-timeout", 10*time.Second, "how long tasks in flight may take to end at an interrupt")
	o.log.register(f, slog.LevelWarn)
	f.BoolVar(&o.json, "json", false, "print one JSON object that says where it is")
	o.encryption.Register(f)
	return cmd
}

// devReport says where a server is.
type devReport struct {
	Address   string `json:"address"`
	Namespace string `json:"namespace"`
	WebUI     string `json:"webUI"`
	StateDir  string `json:"stateDir"`
}

func (p *Program) dev(ctx context.Context, o *devOptions) error {
	stateDir, err := stateFolder(o.stateDir)
	if err != nil {
		return err
	}
	if stateDir, err = filepath.Abs(stateDir); err != nil {
		return err
	}
	e := &engine{worker: p.workerProgram()}
	if e.settings.Keys, err = o.encryption.Keys(); err != nil {
		return usage(err)
	}
	err = p.untilInterrupt(ctx, func(ctx context.Context) error { return e.embed(ctx, p, stateDir, o.stopTimeout, o.log) })
	defer e.close()
	if err != nil {
		return err
	}
	r := devReport{Address: e.settings.HostPort, Namespace: e.settings.Namespace, WebUI: e.ui, StateDir: stateDir}
	if o.json {
		if err := p.printJSON(r); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(p.Stdout, "server:  %s, namespace %s\nweb UI:  %s\nworker:  serves the task queues %s and %s\nlogs:    %s\n",
			r.Address, r.Namespace, r.WebUI, job.TaskQueue, job.TaskQueueIO, filepath.Join(stateDir, "*.log"))
	}
	fmt.Fprintf(p.Stderr, "others use it with --address %s, or TEMPORAL_ADDRESS=%s; an interrupt stops it\n", r.Address, r.Address)
	select {
	case <-p.Signals:
	case <-ctx.Done():
	}
	p.stop(e)
	fmt.Fprintln(p.Stderr, "stopped; jobs that ran go on when it, or the command that began them, runs again")
	return nil
}
