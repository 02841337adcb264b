package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"
)

type uiOptions struct {
	place   placeOptions
	address string
	print   bool
}

func (p *Program) uiCommand() *cobra.Command {
	o := &uiOptions{}
	cmd := &cobra.Command{
		Use:   "ui [JOB] [flags]",
		Short: "Open Temporal's Web UI at a job's page, or print where it is",
		Long: `Print the address of a job's page in Temporal's Web UI, or that of all jobs, and open it where there is a display. ` + jobHelp + `

Exit status: 0 printed; 1 there is no such job, or no Web UI is known; 2 usage.`,
		Example: p.examples(`  longhaul ui users.jsonl
  longhaul ui --print
  longhaul ui users.jsonl --address temporal.example.com:7233 --ui-address https://temporal.example.com`),
		Args:              oneJob(true),
		ValidArgsFunction: p.completeJobs(&o.place),
		RunE:              func(cmd *cobra.Command, args []string) error { return p.ui(cmd.Context(), o, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.print, "print", false, "only print the address")
	f.StringVar(&o.address, "ui-address", "", "`URL` of the Web UI, where it is not on this machine")
	o.place.register(f)
	return cmd
}

func (p *Program) ui(ctx context.Context, o *uiOptions, args []string) error {
	if u, err := url.Parse(o.address); err != nil || o.address != "" && u.Host == "" {
		return usage(fmt.Errorf("--ui-address %q: want a URL such as http://127.0.0.1:8233", o.address))
	}
	e, err := p.server(ctx, &o.place)
	if err != nil {
		return err
	}
	defer e.close()
	if o.address != "" {
		e.ui = o.address
	}
	if e.ui == "" {
		return errors.New("where the Web UI of the server at " + e.settings.HostPort + " is, is not known: say it with --ui-address URL")
	}
	page := e.jobsPage()
	if len(args) > 0 {
		f, err := p.theJob(ctx, e, args[0])
		if err != nil {
			return err
		}
		page = e.page(f.id, f.runID)
	}
	fmt.Fprintln(p.Stdout, page)
	if o.print || len(p.Browser) == 0 {
		return nil
	}
	if err := exec.CommandContext(ctx, p.Browser[0], append(p.Browser[1:], page)...).Start(); err != nil {
		fmt.Fprintf(p.Stderr, "it could not be opened: %v\n", err)
	}
	return nil
}

// Browser is the command that opens a page, where there is a display.
func Browser() []string {
	name := "xdg-open"
	switch {
	case runtime.GOOS == "darwin":
		name = "open"
	case os.Getenv("DISPLAY")+os.Getenv("WAYLAND_DISPLAY") == "":
		return nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil
	}
	return []string{path}
}
