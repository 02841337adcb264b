package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// bench is what the runs share.
type bench struct {
	options options
	self    string
	dir     string
	targets map[string]*target
}

func newBench(o options) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if o.longhaul, err = filepath.Abs(o.longhaul); err != nil {
		return nil, err
	}
	if _, err := os.Stat(o.longhaul); err != nil {
		return nil, fmt.Errorf("%w (make build)", err)
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.dir, "longhaul-bench-")
	return &bench{options: o, self: self, dir: dir, targets: map[string]*target{}}, err
}

// close ends the targets and removes the files.
func (b *bench) close() {
	for _, t := range b.targets {
		t.stop()
	}
	os.RemoveAll(b.dir)
}

// rounds runs the turns of a load round by round, and names those that cannot run here.
func (b *bench) rounds(ctx context.Context, l load) (samples []sample, missing []absent, err error) {
	fmt.Fprintf(os.Stderr, "== %s: %s\n", l.name, l.title())
	var turns []turn
	for _, t := range l.turns {
		if b.options.only != nil && !b.options.only[t.candidate.name] {
			continue
		}
		why := t.candidate.missing(ctx)
		if why == "" && t.workload.Target == nginxServer {
			why = needs(map[string]string{"nginx": "nginx-light"})(ctx)
		}
		if why != "" {
			fmt.Fprintf(os.Stderr, "%s: missing: %s\n", t.name, why)
			missing = append(missing, absent{t.name, why})
			continue
		}
		turns = append(turns, t)
	}
	rounds := l.rounds
	if b.options.pairs > 0 {
		rounds = b.options.pairs
	}
	for i := range rounds {
		order := slices.Clone(turns)
		if i%2 == 1 {
			slices.Reverse(order)
		}
		for _, t := range order {
			s, err := b.turn(ctx, t, i)
			if err != nil {
				return nil, nil, fmt.Errorf("%s, round %d: %w", t.name, i+1, err)
			}
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", i+1, rounds, s)
			samples = append(samples, s)
		}
	}
	return samples, missing, nil
}

// turn runs one candidate once, in a folder of its own, and checks its output.
func (b *bench) turn(ctx context.Context, t turn, round int) (s sample, err error) {
	dir, err := os.MkdirTemp(b.dir, "run-")
	if err != nil {
		return s, err
	}
	defer os.RemoveAll(dir)
	g := given{workload: t.workload, round: round, output: filepath.Join(dir, "out"), state: filepath.Join(dir, "state")}
	if g.input, err = b.input(g.Records); err != nil {
		return s, err
	}
	var far *target
	if g.Kind == get {
		if far, err = b.target(ctx, g.workload); err != nil {
			return s, fmt.Errorf("target: %w", err)
		}
		if err := far.reset(ctx); err != nil {
			return s, err
		}
		g.url = far.url
	}
	syscall.Sync() // what the run before left to write is not this one's to wait for
	if s, err = t.candidate.run(ctx, b, g); err != nil {
		return s, err
	}
	s.Turn, s.Round = t.name, round
	if s.Records == 0 {
		s.Records = g.Records
	}
	if !t.candidate.noOutput {
		if err := checkOutput(g); err != nil {
			return s, err
		}
	}
	if far != nil {
		return s, far.observe(ctx, &s, g, t.candidate)
	}
	return s, nil
}
