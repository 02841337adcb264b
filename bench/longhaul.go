package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/output"
)

// longhaul is started as a user starts it, with a server of its own. Its work is from the line that says that the job was started to the one that
// says that it is done.
var longhaul = &candidate{
	name: "longhaul", is: "`longhaul run` with its embedded server, everything on disk and synced", missing: needs(map[string]string{"temporal": "nothing; make build"}),
	run: runLonghaul,
}

func runLonghaul(ctx context.Context, b *bench, g given) (sample, error) {
	if g.KeepState {
		g.state = filepath.Join(b.dir, "state")
		if _, err := os.Stat(g.state); err != nil {
			first := g // which makes the state that the others find
			first.output += "-first"
			if _, err := execute(ctx, nil, b.options.longhaul, arguments(longhaulArguments(first)...)); err != nil {
				return sample{}, err
			}
		}
	}
	var series []point
	var watch func(time.Duration, float64)
	if g.Follow {
		watch = follow(g.output, &series)
	}
	r, err := execute(ctx, watch, b.options.longhaul, arguments(longhaulArguments(g)...))
	if err != nil {
		return r.sample, err
	}
	started, err := r.said.after(" started ")
	if err != nil {
		return r.sample, err
	}
	done, err := r.said.after("done: ")
	if err != nil {
		return r.sample, err
	}
	r.Work = done.Sub(started).Seconds()
	for _, p := range series {
		if p.Seconds -= started.Sub(r.begun).Seconds(); p.Seconds >= 0 && p.Seconds <= r.Work {
			r.Series = append(r.Series, p)
		}
	}
	if g.Follow {
		r.Series = thinned(r.Series)
		r.Series = append(r.Series, point{Seconds: r.Work, Records: int64(g.Records)})
	}
	if g.CountEvents {
		r.Events, r.Runs, err = countEvents(ctx, g)
	}
	return r.sample, err
}

// maxPoints is how many points of a series are kept.
const maxPoints = 400

// thinned leaves out points at equal distances.
func thinned(series []point) []point {
	every := (len(series) + maxPoints - 1) / maxPoints
	var kept []point
	for i, p := range series {
		if i%every == 0 {
			kept = append(kept, p)
		}
	}
	return kept
}

// asyncEcho is an async function that answers its argument, by the Python file of the examples.
const asyncEcho = `from longhaul import run
async def io_task(x): return x
run(io_task)`

func longhaulArguments(g given) []string {
	args := []string{
		"run", g.input, "--output", g.output, "--concurrency", strconv.Itoa(g.InFlight), "--embedded", "--state-dir", g.state, "--progress", "none",
	}
	switch g.Kind {
	case get:
		args = append(args, "--http", g.url+"{{.}}", "--format", "text")
	case echo:
		args = append(args, "--task", "echo")
	case command:
		args = append(args, "--", "echo", "{}")
	case pipe:
		args = append(args, "--pipe", "--", "cat")
	case asyncPipe:
		args = append(args, "--pipe=async", "--", "env", "PYTHONPATH=examples/python", "python3", "-c", asyncEcho)
	}
	if g.First > 0 {
		args = append(args, "--timeout", (2 * g.First).String())
	}
	return args
}

// followEvery is how often a job's position is read.
const followEvery = 200 * time.Millisecond

// follow notes where the output stands, from its manifest.
func follow(path string, to *[]point) func(time.Duration, float64) {
	out := output.At(fsys.OS, path)
	last := -followEvery
	return func(since time.Duration, mib float64) {
		if since-last < followEvery {
			return
		}
		last = since
		p := point{Seconds: since.Seconds(), MiB: mib}
		if m, err := out.Load(); err == nil {
			p.Records = m.Position.Records
		}
		*to = append(*to, p)
	}
}
