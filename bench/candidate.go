package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// candidate does a workload.
type candidate struct {
	name string
	// is says what it is, for the page.
	is string
	// missing says why it cannot run here, with the Debian package that would help; empty where it can.
	missing func(ctx context.Context) string
	// run does the workload and says how that went. Wall, CPU and peak memory are filled in from the process.
	run func(ctx context.Context, b *bench, g given) (sample, error)
	// noOutput says that it writes no output to compare.
	noOutput bool
}

// given is a workload with its files and its far side.
type given struct {
	workload
	round         int
	input, output string
	url           string // the record follows
	state         string // a folder of the run's own
}

func candidates() []*candidate {
	return []*candidate{longhaul, loop, asyncio, sequential, parallel, curl, perRecord, execs, wrk}
}

func candidateNames() []string {
	var names []string
	for _, c := range candidates() {
		names = append(names, c.name)
	}
	return names
}

func chooseCandidates(names string) (map[string]bool, error) {
	if names == "" {
		return nil, nil
	}
	known, chosen := candidateNames(), map[string]bool{}
	for _, n := range known {
		chosen[n] = false
	}
	for name := range strings.SplitSeq(names, ",") {
		if _, ok := chosen[name]; !ok {
			return nil, fmt.Errorf("-only %s: want some of %s", name, strings.Join(known, ","))
		}
		chosen[name] = true
	}
	return chosen, nil
}

// needs is the reason that a candidate is missing where one of its programs is; each comes in the Debian package named.
func needs(programs map[string]string) func(context.Context) string {
	return func(context.Context) string {
		for program, pkg := range programs {
			if _, err := exec.LookPath(program); err != nil {
				return fmt.Sprintf("%s is not installed (apt-get install %s)", program, pkg)
			}
		}
		return ""
	}
}

// nothing is needed but this program.
func nothing(context.Context) string { return "" }

// work is a candidate's own word for how long it took, start-up left out: a line "work SECONDS" on standard error.
const work = "work "
