package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// inputHelp is what longhaul run's help says of INPUT.
const inputHelp = `INPUT is a file, or several, or quoted patterns such as 'logs/*.csv', read one after the other; or -, which is standard input. Standard input is kept beside
OUTPUT first, so that the same command can go on without it. Files compressed by gzip or zstd are unpacked beside OUTPUT first.`

// inputOptions is the flags of longhaul run that say what the records are.
type inputOptions struct {
	paths       []string
	format      string
	skip, limit int64
	sample      string
	seed        uint64
	maxUnpacked string
}

func (o *inputOptions) register(f *pflag.FlagSet) {
	f.StringVar(&o.format, "input-format", string(job.InputLines), "what a record is: lines, nul, csv, tsv or jsonl; with csv and tsv the first row names the `fields`")
	f.Lookup("input-format").DefValue = string(job.InputLines)
	f.Int64Var(&o.skip, "skip", 0, "leave the first `N` records out")
	f.Int64Var(&o.limit, "limit", 0, "take `N` records at most (0: all)")
	f.StringVar(&o.sample, "sample", "", "take this `part` of the records, such as 1% or 0.01, evenly spread")
	f.Uint64Var(&o.seed, "seed", 0, "`number` that draws the sample")
	f.StringVar(&o.maxUnpacked, "max-unpacked", "", "`size`, such as 200GB, that one compressed file may unpack to (default: 100 times its size, and at least 1 GiB)")
}

// stdin says whether the input is standard input.
func (o *inputOptions) stdin() bool { return len(o.paths) == 1 && o.paths[0] == "-" }

// set sets the fields of a Spec. Standard input has no path yet.
func (o *inputOptions) set(s *job.Spec) error {
	if len(o.paths) == 0 {
		return usage(errors.New("no INPUT given"))
	}
	if !o.stdin() {
		for _, path := range o.paths {
			if path == "-" {
				return usage(errors.New("standard input (-) goes with no other INPUT"))
			}
			abs, err := filepath.Abs(path)
			if err != nil {
				return err
			}
			s.Input = append(s.Input, abs)
		}
	}
	s.InputFormat, s.Skip, s.Limit, s.Seed = job.InputFormat(o.format), o.skip, o.limit, o.seed
	var err error
	if s.Sample, err = parseSample(o.sample); err != nil {
		return usage(err)
	}
	if o.seed != 0 && o.sample == "" {
		return usage(errors.New("--seed goes with --sample"))
	}
	if o.maxUnpacked != "" {
		n, err := humanize.ParseBytes(o.maxUnpacked)
		if err != nil || n == 0 {
			return usage(fmt.Errorf("--max-unpacked %q: want a size such as 200GB", o.maxUnpacked))
		}
		s.UnpackedBytes = int64(min(n, 1<<60))
	}
	return nil
}

// parseSample reads a fraction; 0 where it is empty.
func parseSample(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 1e-9 && v <= 1) {
		return 0, fmt.Errorf("--sample %q: want a part such as 1%% or 0.01, at most 1", text)
	}
	return v, nil
}

// validate checks a Spec; of standard input a path stands in for the one that it will have.
func (o *inputOptions) validate(s job.Spec) error {
	if o.stdin() {
		s.Input = job.Paths{s.Output + ".longhaul/stdin"}
	}
	return s.Validate()
}

// takeStdin keeps standard input beside the output. An interrupt ends the reading.
func (p *Program) takeStdin(ctx context.Context, s job.Spec) (job.Paths, error) {
	out := output.At(fsys.OS, s.Output)
	type taken struct {
		path string
		err  error
	}
	done := make(chan taken, 1)
	var r io.Reader
	if p.Stdin != nil {
		r = p.Stdin
		fmt.Fprintf(p.Stderr, "reading standard input into %s\n", out.Stdin())
	}
	go func() {
		path, err := out.TakeStdin(ctx, r, s.Overwrite)
		done <- taken{path, err}
	}()
	select {
	case t := <-done:
		if errors.Is(t.err, output.ErrNoStdin) {
			return nil, fmt.Errorf("%w: give it again", t.err)
		}
		return job.Paths{t.path}, t.err
	case <-p.Signals:
		fmt.Fprintln(p.Stderr, "interrupted while standard input was read; give it again")
		return nil, errInterrupted
	}
}
