package main

import (
	"context"
	_ "embed" // the programs
	"os/exec"
	"strconv"
	"strings"
)

// python is Debian's, which the package python3-aiohttp is for.
const python = "/usr/bin/python3"

//go:embed asyncio.py
var asyncioProgram string

//go:embed sequential.py
var sequentialProgram string

// asyncio is the concurrent answer in Python, done well.
var asyncio = &candidate{
	name: "asyncio", is: "asyncio + aiohttp: one session, bounded, results in order through a queue of 4 x the requests in flight", missing: noAiohttp,
	run: runPython(asyncioProgram),
}

// sequential is the program that longhaul set out from.
var sequential = &candidate{
	name: "sequential", is: "asyncio + aiohttp, a request after the other", missing: noAiohttp, run: runPython(sequentialProgram),
}

func runPython(program string) func(context.Context, *bench, given) (sample, error) {
	return func(ctx context.Context, _ *bench, g given) (sample, error) {
		r, err := execute(ctx, nil, python, arguments("-", g.input, g.output, g.url, strconv.Itoa(g.InFlight)),
			func(c *exec.Cmd) { c.Stdin = strings.NewReader(program) })
		return r.sample, err
	}
}

func noAiohttp(ctx context.Context) string {
	if err := exec.CommandContext(ctx, python, "-c", "import aiohttp").Run(); err != nil {
		return "aiohttp is not installed for " + python + " (apt-get install python3-aiohttp)"
	}
	return ""
}
