package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/longhaul/longhaul/internal/progress"
)

type doctorOptions struct {
	place placeOptions
	json  bool
	fix   bool
}

func (p *Program) doctorCommand() *cobra.Command {
	o := &doctorOptions{}
	cmd := &cobra.Command{
		Use:   "doctor [FOLDER...] [flags]",
		Short: "Check what jobs need on this machine, and say what to do",
		Long: `Check what jobs need: Temporal's program, the server, its namespace, workers that poll both task queues, the disk of the state folder (or, where a
server is configured, of the working directory), and of each FOLDER in which outputs are to be, the limit of open files, and whether the server has the
search attributes that --search-attributes sets. For what is not in order it says what to do; --fix registers those attributes, where they are missing.

Exit status: 0 nothing failed; 1 something did; 2 usage.`,
		Example: p.examples(`  longhaul doctor
  longhaul doctor /data/outputs --address temporal.example.com:7233
  longhaul doctor --fix --address temporal.example.com:7233
  longhaul doctor --json | jq '.checks[] | select(.state != "ok")'`),
		RunE: func(cmd *cobra.Command, args []string) error { return p.doctor(cmd.Context(), o, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.fix, "fix", false, "register the search attributes that "+p.Name+" run --search-attributes sets, where they are missing")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	o.place.register(f)
	return cmd
}

// check is one thing that was looked at.
type check struct {
	Name string `json:"check"`
	// State is ok, warning, failed, or skipped where it could not be looked at, or need not be.
	State string `json:"state"`
	Found string `json:"found"`
	// Do is what to do about it.
	Do string `json:"do,omitempty"`
}

// The states of a check.
const (
	checkOK      = "ok"
	checkWarning = "warning"
	checkFailed  = "failed"
	checkSkipped = "skipped"
)

// doctorReport is what doctor --json prints.
type doctorReport struct {
	OK     bool    `json:"ok"`
	Checks []check `json:"checks"`
}

var errUnwell = errors.New("not everything is in order")

func (p *Program) doctor(ctx context.Context, o *doctorOptions, folders []string) error {
	s, err := o.place.dial.Load()
	if err != nil {
		return usage(err)
	}
	stateDir, err := stateFolder(o.place.stateDir)
	if err != nil {
		return err
	}
	if s.Configured {
		stateDir = "." // there is no state of ours
	}
	checks := []check{temporalProgram(ctx, s.Configured)}
	checks = append(checks, p.serverChecks(ctx, o, checks[0].State == checkOK)...)
	for _, folder := range append([]string{stateDir}, folders...) {
		abs, err := filepath.Abs(folder)
		if err != nil {
			return err
		}
		checks = append(checks, diskCheck(ctx, abs, folder == stateDir && !s.Configured), syncCheck(abs))
	}
	checks = append(checks, handlesCheck())
	r := doctorReport{OK: true, Checks: checks}
	for _, c := range checks {
		r.OK = r.OK && c.State != checkFailed
	}
	if o.json {
		err = p.printJSON(r)
	} else {
		err = p.printChecks(checks)
	}
	if err == nil && !r.OK {
		err = errUnwell
	}
	return err
}

func (p *Program) printChecks(checks []check) error {
	t := tabwriter.NewWriter(p.Stdout, 0, 8, 2, ' ', 0)
	for _, c := range checks {
		fmt.Fprintf(t, "%s\t%s\t%s\n", c.State, c.Name, progress.Printable(strings.Join(strings.Fields(c.Found), " ")))
		if c.Do != "" {
			fmt.Fprintf(t, "\t\tdo: %s\n", progress.Printable(c.Do))
		}
	}
	return t.Flush()
}
