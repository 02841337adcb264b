package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
)

// parallel runs a command for each record and keeps their order. Its work is its whole time, since it does not tell its start-up apart.
var parallel = &candidate{
	name: "parallel", is: "GNU parallel -k, a command for each record", missing: needs(map[string]string{"parallel": "parallel"}),
	run: func(ctx context.Context, _ *bench, g given) (sample, error) { return runParallel(ctx, g, "echo", "{}") },
}

// curl is parallel with a request for each record.
var curl = &candidate{
	name: "curl", is: "GNU parallel -k, curl for each record", missing: needs(map[string]string{"parallel": "parallel", "curl": "curl"}),
	run: func(ctx context.Context, _ *bench, g given) (sample, error) {
		return runParallel(ctx, g, "curl", "--silent", "--show-error", "--fail", "--write-out", `'\n'`, g.url+"{}")
	},
}

func runParallel(ctx context.Context, g given, cmd ...string) (s sample, err error) {
	in, err := os.Open(g.input)
	if err != nil {
		return s, err
	}
	defer in.Close()
	out, err := os.Create(g.output)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	args := append([]string{"--will-cite", "-k", "-j", strconv.Itoa(g.InFlight)}, cmd...)
	r, err := execute(ctx, nil, "parallel", arguments(args...), func(c *exec.Cmd) { c.Stdin, c.Stdout = in, out })
	return r.sample, err
}
