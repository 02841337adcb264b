package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// part is a process that this program can be beside the one that measures.
type part func(context.Context, []string) error

// parts are the other processes that this program can be.
var parts = map[string]part{
	"target":     serveTarget,
	"loop":       bareLoop,
	"exec-loop":  execLoop,
	"per-record": perRecordJob,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		if part, ok := parts[args[0]]; ok {
			return part(ctx, args[1:])
		}
	}
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	return measure(ctx, o)
}

// options is what the user asks for.
type options struct {
	loads    []load
	only     map[string]bool // candidates; nil: all
	pairs    int             // 0: as each load says
	quick    bool
	longhaul string
	dir      string
	docs     string
}

func parseOptions(args []string) (options, error) {
	var o options
	set := flag.NewFlagSet("bench", flag.ExitOnError)
	names := set.String("load", "", "`loads` to measure, with commas between them (default all: "+strings.Join(loadNames(), ",")+")")
	only := set.String("only", "", "`candidates` to run, with commas between them (default all: "+strings.Join(candidateNames(), ",")+")")
	records := set.Int("records", 0, "`records` of a load's largest input, others in proportion (default as each load says)")
	set.IntVar(&o.pairs, "pairs", 0, "`rounds` of each load (default as each load says, mostly 5)")
	set.BoolVar(&o.quick, "quick", false, "a round of small inputs, which shows that everything works and measures nothing")
	set.StringVar(&o.longhaul, "longhaul", "bin/longhaul", "the longhaul `program`")
	set.StringVar(&o.dir, "dir", os.TempDir(), "`folder` for inputs, outputs and databases; its disk is measured too")
	set.StringVar(&o.docs, "docs", "", "`folder` whose benchmarks.md, and raw figures and plots in benchmarks/, are brought up to date (default: print only)")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if set.NArg() > 0 {
		return o, fmt.Errorf("%q: want flags only", set.Arg(0))
	}
	var err error
	if o.loads, err = chooseLoads(*names); err != nil {
		return o, err
	}
	if o.only, err = chooseCandidates(*only); err != nil {
		return o, err
	}
	if o.only != nil && o.docs != "" {
		return o, fmt.Errorf("-only with -docs: the page would lose the other candidates")
	}
	for i, l := range o.loads {
		if o.quick {
			l = l.quickly()
		}
		if *records > 0 {
			l = l.scaled(*records)
		}
		o.loads[i] = l
	}
	return o, nil
}

// measure measures each load and reports it as soon as it is done.
func measure(ctx context.Context, o options) error {
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer b.close()
	p := page{}
	if o.docs != "" {
		if p, err = readPage(o.docs); err != nil {
			return err
		}
	}
	env := environmentOf(ctx, o)
	if env.Load > 0.5 {
		fmt.Fprintf(os.Stderr, "bench: the machine is busy (load %.2f): these figures tell little\n", env.Load)
	}
	var measured []result
	for _, l := range o.loads {
		samples, missing, err := b.rounds(ctx, l)
		if err != nil {
			return fmt.Errorf("load %s: %w", l.name, err)
		}
		r := result{Load: l.name, Title: l.title(), At: time.Now().UTC().Truncate(time.Second), Environment: env, Missing: missing, Samples: samples}
		measured = append(measured, r)
		if o.docs == "" {
			continue
		}
		p.put(r)
		if err := p.write(o.docs); err != nil {
			return err
		}
	}
	fmt.Print(tables(measured))
	return nil
}
