package main

import "time"

// loads is everything that is measured. docs/benchmarks.md describes it.
func loads() []load {
	quick := workload{Records: 100_000, InFlight: 200, Kind: get, Target: instant}
	small := workload{Records: 3_000, InFlight: 200, Kind: get, Target: instant}
	nginx := workload{Records: 100_000, InFlight: 200, Kind: get, Target: nginxServer}
	heavy := workload{Records: 100_000, InFlight: 200, Kind: get, Target: tailed}
	window := workload{Records: 40_000, InFlight: 200, Kind: get, Target: tailed}
	commands := workload{Records: 5_000, InFlight: 8, Kind: command}
	pipes := workload{Records: 500_000, InFlight: 8, Kind: pipe}
	asyncPipes := workload{Records: 500_000, InFlight: 200, Kind: asyncPipe}
	echoes := func(records int) workload { return workload{Records: records, InFlight: 64, Kind: echo} }
	history := workload{Records: 1_000_000, InFlight: 200, Kind: get, Target: instant, CountEvents: true}
	straggler := workload{Records: 1_000_000, InFlight: 200, Kind: get, Target: instant, First: time.Minute}
	scale := workload{Records: 100_000_000, InFlight: 64, Kind: echo, CountEvents: true, Follow: true}
	fresh := workload{Records: 5, InFlight: 64, Kind: echo}
	kept := workload{Records: 5, InFlight: 64, Kind: echo, KeepState: true}

	return []load{{
		name: "http", what: "HTTP, no latency", rounds: 5, quick: 2_000, plot: plotRates,
		turns: []turn{{"loop", loop, quick}, {"longhaul", longhaul, quick}, {"asyncio", asyncio, quick}, {"wrk", wrk, quick}},
		figures: []figure{
			ratio("longhaul", "loop", atLeast(0.95)), ratio("longhaul", "asyncio", atLeast(5)), ratio("longhaul", "wrk", bar{}),
		},
	}, {
		name: "small", what: "HTTP, no latency", rounds: 5, quick: 600, plot: plotRates,
		turns: []turn{
			{"per-record", perRecord, small},
			{"longhaul", longhaul, small},
			{"longhaul, many", longhaul, quick},
			{"sequential", sequential, small},
			{"curl", curl, small},
		},
		figures: []figure{
			ratio("longhaul", "per-record", atLeast(100)), ratio("longhaul, many", "per-record", bar{}), ratio("longhaul", "sequential", bar{}), ratio("longhaul", "curl", bar{}),
		},
	}, {
		name: "nginx", what: "HTTP to nginx, no latency", rounds: 5, quick: 2_000, plot: plotRates,
		turns:   []turn{{"loop", loop, nginx}, {"longhaul", longhaul, nginx}, {"wrk", wrk, nginx}},
		figures: []figure{ratio("longhaul", "loop", bar{}), ratio("longhaul", "wrk", bar{})},
	}, {
		name: "heavy", what: "HTTP, 100 ms on average, 1 in 100 twenty times longer", rounds: 5, quick: 1_000,
		turns:   []turn{{"longhaul", longhaul, heavy}},
		figures: []figure{idealShare("longhaul", atLeast(0.93))},
	}, {
		name: "window", what: "HTTP, the latencies of `heavy`", rounds: 5, quick: 1_000, plot: plotRates,
		turns:   []turn{{"loop", loop, window}, {"longhaul", longhaul, window}},
		figures: []figure{ratio("longhaul", "loop", atLeast(4)), idealShare("longhaul", bar{}), idealShare("loop", bar{})},
	}, {
		name: "echo", what: "task echo", rounds: 5, quick: 20_000,
		turns:   []turn{{"longhaul", longhaul, echoes(10_000_000)}},
		figures: []figure{rate("longhaul", atLeast(500_000)), wholeRate("longhaul", bar{})},
	}, {
		name: "command", what: "command `echo {}`", rounds: 5, quick: 20, plot: plotRates,
		turns:   []turn{{"parallel", parallel, commands}, {"longhaul", longhaul, commands}, {"exec-loop", execs, commands}},
		figures: []figure{ratio("longhaul", "parallel", atLeast(4)), ratio("longhaul", "exec-loop", atLeast(0.9))},
	}, {
		name: "pipe", what: "command `echo {}` for each, or a program that lives on (`cat`, 8 of them; or Python's asyncio, 200 records at once)", rounds: 5, quick: 2_000, plot: plotRates,
		turns:   []turn{{"command", longhaul, commands}, {"pipe", longhaul, pipes}, {"pipe=async", longhaul, asyncPipes}},
		figures: []figure{ratio("pipe", "command", atLeast(50)), ratio("pipe=async", "command", bar{})},
	}, {
		name: "memory", what: "task echo", rounds: 5, quick: 20_000, plot: plotPeaks,
		turns: []turn{{"few records", longhaul, echoes(100_000)}, {"many records", longhaul, echoes(10_000_000)}},
		figures: []figure{
			peak("few records", atMost(120)), peak("many records", atMost(120)), peakRatio("many records", "few records", within(0.75, 1.25)),
		},
	}, {
		name: "straggler", what: "HTTP, no latency, but record 0 takes a minute in the larger one", rounds: 5, quick: 2_000, plot: plotPeaks,
		turns: []turn{{"no straggler", longhaul, quick}, {"straggler", longhaul, straggler}},
		figures: []figure{
			peak("straggler", atMost(120)), peak("no straggler", bar{}), peakRatio("straggler", "no straggler", within(0.75, 1.25)),
		},
	}, {
		name: "history", what: "HTTP, no latency", rounds: 1, quick: 2_000,
		turns:   []turn{{"longhaul", longhaul, history}},
		figures: []figure{eventsAMillion("longhaul", atMost(2_000)), workflowRuns("longhaul")},
	}, {
		name: "scale", what: "task echo", rounds: 1, quick: 200_000, plot: plotSeries,
		turns: []turn{{"longhaul", longhaul, scale}},
		figures: []figure{
			lastTenth("longhaul", 1, atLeast(0.95)), lastTenth("longhaul", 2, bar{}), memoryLastTenth("longhaul", within(0.75, 1.25)), peak("longhaul", atMost(120)),
			rate("longhaul", bar{}), workflowRuns("longhaul"),
		},
	}, {
		name: "startup", what: "task echo, embedded server included", rounds: 5, quick: 5,
		turns:   []turn{{"fresh state", longhaul, fresh}, {"kept state", longhaul, kept}},
		figures: []figure{wallTime("fresh state", atMost(4)), wallTime("kept state", atMost(4))},
	}}
}
