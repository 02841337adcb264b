package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/longhaul/longhaul/failures"
	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/internal/progress"
	"github.com/longhaul/longhaul/output"
)

type errorsOptions struct {
	json    bool
	samples int
}

func (p *Program) errorsCommand() *cobra.Command {
	o := &errorsOptions{}
	cmd := &cobra.Command{
		Use:   "errors OUTPUT",
		Short: "Tell what the failed records of an output failed of",
		Long: `Count the failed records of OUTPUT by cause, the most frequent first, each with some of its records. In a cause, "…" stands for what differs from
record to record, such as the record's own text, addresses and what is quoted, and N for numbers. It needs no server, and may run beside the job: what is
committed is counted.

Exit status: 0 whether records failed or not; 1 could not be read; 2 usage.`,
		Example: p.examples(`  longhaul errors pages.jsonl
  longhaul errors pages.jsonl --json | jq '.causes[0].samples[].input'`),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("want one OUTPUT"))
			}
			if o.samples < 0 || o.samples > failures.MaxSamples {
				return usage(fmt.Errorf("--samples %d: want 0 to %d", o.samples, failures.MaxSamples))
			}
			return nil
		},
		ValidArgsFunction: completeOutputs,
		RunE:              func(cmd *cobra.Command, args []string) error { return p.errors(cmd.Context(), args[0], o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	cmd.Flags().IntVar(&o.samples, "samples", 3, "`records` to show of each cause, the first ones")
	return cmd
}

// errorsReport is what errors --json prints.
type errorsReport struct {
	Output string `json:"output"`
	// Records answered and Failed among them; Complete says that the whole input is answered.
	Records  int64 `json:"records"`
	Failed   int64 `json:"failed"`
	Complete bool  `json:"complete"`
	// Causes, the most frequent first. Other counts the failures of causes beyond failures.MaxCauses.
	Causes []failures.Group `json:"causes"`
	Other  int64            `json:"other,omitempty"`
}

func (p *Program) errors(ctx context.Context, path string, o *errorsOptions) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	tally := failures.Tally{Samples: o.samples}
	m, err := output.At(fsys.OS, path).Failures(ctx, func(line []byte) error {
		r, err := failures.Decode(line)
		if err == nil {
			tally.Add(r)
		}
		return err
	})
	if err != nil {
		return err
	}
	r := errorsReport{
		Output: path, Records: m.Position.Records, Failed: m.Totals.Failed, Complete: m.Complete, Causes: tally.Groups(), Other: tally.Other,
	}
	if o.json {
		return p.printJSON(r)
	}
	p.printErrors(r)
	return nil
}

// printErrors prints the report for people.
func (p *Program) printErrors(r errorsReport) {
	state := ""
	if !r.Complete {
		state = "; the job is unfinished"
	}
	fmt.Fprintf(p.Stdout, "%s of %s records failed%s\n", humanize.Comma(r.Failed), humanize.Comma(r.Records), state)
	for _, g := range r.Causes {
		fmt.Fprintf(p.Stdout, "\n%s (%.3g%%): %s\n", humanize.Comma(g.Count), 100*float64(g.Count)/float64(r.Failed), g.Cause)
		for _, s := range g.Samples {
			fmt.Fprintf(p.Stdout, "    %s: %s\n", s, strings.Join(strings.Fields(progress.Printable(s.Error)), " "))
		}
	}
	if r.Other > 0 {
		fmt.Fprintf(p.Stdout, "\n%s of more causes than can be told apart\n", humanize.Comma(r.Other))
	}
}
