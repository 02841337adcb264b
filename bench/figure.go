package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/dustin/go-humanize"
)

// figure is a number that is made of the samples of one round.
type figure struct {
	what string
	unit string
	bar  bar
	// of returns the round's number; NaN where a sample that it needs is missing.
	of func(round) float64
}

// round is the samples of a round by turn.
type round map[string]sample

// bar is what a figure must reach. The zero bar is none.
type bar struct {
	set         bool
	least, most float64
}

func atLeast(x float64) bar       { return bar{true, x, math.Inf(1)} }
func atMost(x float64) bar        { return bar{true, math.Inf(-1), x} }
func within(least, m float64) bar { return bar{true, least, m} }

func (b bar) String() string {
	switch {
	case !b.set:
		return "–"
	case math.IsInf(b.most, 1):
		return "at least " + humanize.Commaf(b.least)
	case math.IsInf(b.least, -1):
		return "at most " + humanize.Commaf(b.most)
	}
	return humanize.Commaf(b.least) + " to " + humanize.Commaf(b.most)
}

// verdict says whether a number reaches the bar.
func (b bar) verdict(x float64) string {
	switch {
	case !b.set:
		return ""
	case math.IsNaN(x):
		return "not measured"
	case x >= b.least && x <= b.most:
		return "reached"
	}
	return "**missed**"
}

// ratio is how many times as many records a second one turn does as another.
func ratio(ours, theirs string, b bar) figure {
	return figure{fmt.Sprintf("records/s, %s / %s", ours, theirs), "", b, func(r round) float64 {
		return r.of(ours, sample.rate) / r.of(theirs, sample.rate)
	}}
}

func rate(turn string, b bar) figure {
	return figure{"records/s of " + turn, "/s", b, func(r round) float64 { return r.of(turn, sample.rate) }}
}

func wholeRate(turn string, b bar) figure {
	return figure{"records/s of the whole command, server included", "/s", b, func(r round) float64 {
		return r.of(turn, func(s sample) float64 { return float64(s.Records) / s.Wall })
	}}
}

// idealShare is the share of the ideal time in the time that it took.
func idealShare(turn string, b bar) figure {
	return figure{"(sum of latencies / in flight) / time of " + turn, "", b, func(r round) float64 {
		return r.of(turn, func(s sample) float64 { return s.Ideal / s.Work })
	}}
}

func peak(turn string, b bar) figure {
	return figure{"peak memory, " + turn, " MiB", b, func(r round) float64 { return r.of(turn, peakOf) }}
}

func peakRatio(ours, theirs string, b bar) figure {
	return figure{fmt.Sprintf("peak memory, %s / %s", ours, theirs), "", b, func(r round) float64 { return r.of(ours, peakOf) / r.of(theirs, peakOf) }}
}

func peakOf(s sample) float64 { return known(s.PeakMiB) }
func spanOf(s sample) float64 { return known(s.Span) }

// known is NaN for what was not seen.
func known(x float64) float64 {
	if x == 0 {
		return math.NaN()
	}
	return x
}

func eventsAMillion(turn string, b bar) figure {
	return figure{"history events a million records", "", b, func(r round) float64 {
		return r.of(turn, func(s sample) float64 { return float64(s.Events) * 1e6 / float64(s.Records) })
	}}
}

func workflowRuns(turn string) figure {
	return figure{"runs of the workflow", "", bar{}, func(r round) float64 { return r.of(turn, func(s sample) float64 { return float64(s.Runs) }) }}
}

func wallTime(turn string, b bar) figure {
	return figure{"whole command, " + turn, " s", b, func(r round) float64 { return r.of(turn, func(s sample) float64 { return s.Wall }) }}
}

// lastTenth is the rate at which the last tenth of the records was committed over that of another tenth, the first being 1. That one counts from the
// first commit, and is slow, since a job begins with small chunks.
func lastTenth(turn string, over int, b bar) figure {
	return figure{fmt.Sprintf("records/s of the last tenth / of tenth %d", over), "", b, func(r round) float64 {
		return r.of(turn, func(s sample) float64 { return tenth(s, 10) / tenth(s, over) })
	}}
}

// tenth is the rate of a tenth of a job's records; NaN where it was too quick to be followed.
func tenth(s sample, k int) float64 {
	n := float64(s.Records)
	from, to := n*float64(k-1)/10, n*float64(k)/10
	begun := timeAt(s.Series, from)
	if k == 1 {
		i := slices.IndexFunc(s.Series, func(p point) bool { return p.Records > 0 })
		if i < 0 {
			return math.NaN()
		}
		from, begun = float64(s.Series[i].Records), s.Series[i].Seconds
	}
	if rate := (to - from) / (timeAt(s.Series, to) - begun); rate > 0 {
		return rate
	}
	return math.NaN()
}

// timeAt returns when so many records were committed, on a straight line between two points.
func timeAt(series []point, records float64) float64 {
	for i := 1; i < len(series); i++ {
		a, b := series[i-1], series[i]
		if float64(b.Records) >= records && b.Records > a.Records {
			return a.Seconds + (b.Seconds-a.Seconds)*math.Max(0, records-float64(a.Records))/float64(b.Records-a.Records)
		}
	}
	return math.NaN()
}

// memoryLastTenth is the largest memory in the last tenth of the time over that in the second, when everything has begun.
func memoryLastTenth(turn string, b bar) figure {
	return figure{"memory in the last tenth of the time / in the second", "", b, func(r round) float64 {
		return r.of(turn, func(s sample) float64 {
			return largest(s.Series, 0.9*s.Work, s.Work) / largest(s.Series, 0.1*s.Work, 0.2*s.Work)
		})
	}}
}

func largest(series []point, from, to float64) float64 {
	m := math.NaN()
	for _, p := range series {
		if p.Seconds >= from && p.Seconds <= to && p.MiB > 0 && !(p.MiB <= m) {
			m = p.MiB
		}
	}
	return m
}

// of returns a number of a turn's sample; NaN where there is none.
func (r round) of(turn string, f func(sample) float64) float64 {
	s, ok := r[turn]
	if !ok {
		return math.NaN()
	}
	return f(s)
}

// spread is the median of some numbers, the least and the most of them, and how many they are.
type spread struct {
	median, least, most float64
	n                   int
}

// spreadOf leaves out what is NaN.
func spreadOf(xs []float64) spread {
	xs = slices.DeleteFunc(slices.Clone(xs), math.IsNaN)
	if len(xs) == 0 {
		return spread{median: math.NaN(), least: math.NaN(), most: math.NaN()}
	}
	slices.Sort(xs)
	m := xs[len(xs)/2]
	if len(xs)%2 == 0 {
		m = (m + xs[len(xs)/2-1]) / 2
	}
	return spread{m, xs[0], xs[len(xs)-1], len(xs)}
}

// measuredBy is the figure over the rounds of a result.
func (f figure) measuredBy(r result) spread {
	rounds := map[int]round{}
	for _, s := range r.Samples {
		if rounds[s.Round] == nil {
			rounds[s.Round] = round{}
		}
		rounds[s.Round][s.Turn] = s
	}
	var xs []float64
	for _, r := range rounds {
		xs = append(xs, f.of(r))
	}
	return spreadOf(xs)
}

// number writes a number with what matters of it.
func number(x float64) string {
	switch {
	case math.IsNaN(x):
		return "–"
	case x >= 1000:
		return humanize.Comma(int64(math.Round(x)))
	case x >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x >= 10:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}
