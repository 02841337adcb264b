package main

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
)

// wrk is the limit of the wire: unordered, one URL again and again, writing nothing.
var wrk = &candidate{
	name: "wrk", is: "wrk: unordered, one URL again and again, the answers thrown away", missing: needs(map[string]string{"wrk": "wrk"}),
	noOutput: true,
	run: func(ctx context.Context, b *bench, g given) (sample, error) {
		duration := 5
		if b.options.quick {
			duration = 1
		}
		threads := min(g.InFlight, runtime.NumCPU())
		r, err := execute(ctx, nil, "wrk", arguments("-t", strconv.Itoa(threads), "-c", strconv.Itoa(g.InFlight), "-d", fmt.Sprint(duration, "s"), g.url+"1"))
		if err != nil {
			return r.sample, err
		}
		r.Records, r.Work, err = parseWrk(r.said.text())
		return r.sample, err
	},
}

// parseWrk finds how many requests wrk made, and in what time.
func parseWrk(text string) (requests int, seconds float64, err error) {
	for l := range strings.Lines(text) {
		if f := strings.Fields(l); len(f) >= 4 && f[1] == "requests" && f[2] == "in" {
			if requests, err = strconv.Atoi(f[0]); err != nil {
				return 0, 0, err
			}
			seconds, err = strconv.ParseFloat(strings.TrimSuffix(strings.TrimSuffix(f[3], ","), "s"), 64)
			return requests, seconds, err
		}
	}
	return 0, 0, fmt.Errorf("no count of requests in what it said: %s", text)
}
