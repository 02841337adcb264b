package main

import (
	"fmt"
	"slices"
	"strings"
)

// tables writes results as Markdown: what was measured against the bars, what each candidate did, and with what.
func tables(results []result) string {
	var b strings.Builder
	figureTable(&b, results)
	turnTable(&b, results)
	missingList(&b, results)
	environments(&b, results)
	return b.String()
}

func figureTable(b *strings.Builder, results []result) {
	b.WriteString("| load | figure | bar | median | spread | rounds | |\n|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		l, ok := loadOf(r)
		if !ok {
			continue
		}
		for _, f := range l.figures {
			s := f.measuredBy(r)
			fmt.Fprintf(b, "| `%s` | %s | %s | %s%s | %s to %s | %d | %s |\n",
				r.Load, f.what, f.bar, number(s.median), f.unit, number(s.least), number(s.most), s.n, f.bar.verdict(s.median))
		}
	}
}

func turnTable(b *strings.Builder, results []result) {
	b.WriteString("\n| load | run | records/s, median | spread | work, s | first request to last change, s | whole command, s | processor, s | peak memory, MiB |\n" +
		"|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		for i, turn := range turnsOf(r) {
			load := ""
			if i == 0 {
				load = fmt.Sprintf("`%s`: %s", r.Load, r.Title)
			}
			rates := over(r, turn, sample.rate)
			fmt.Fprintf(b, "| %s | %s | %s | %s to %s |", load, turn, number(rates.median), number(rates.least), number(rates.most))
			for _, f := range []func(sample) float64{
				func(s sample) float64 { return s.Work }, spanOf,
				func(s sample) float64 { return s.Wall },
				func(s sample) float64 { return s.CPU }, peakOf,
			} {
				fmt.Fprintf(b, " %s |", number(over(r, turn, f).median))
			}
			b.WriteByte('\n')
		}
	}
}

func missingList(b *strings.Builder, results []result) {
	first := true
	for _, r := range results {
		for _, m := range r.Missing {
			if first {
				b.WriteString("\nMissing:\n\n")
				first = false
			}
			fmt.Fprintf(b, "- `%s`, %s: %s\n", r.Load, m.Turn, m.Why)
		}
	}
}

// environments tells where and with what each load was measured, loads of the same together.
func environments(b *strings.Builder, results []result) {
	of := map[string][]string{}
	var texts []string
	for _, r := range results {
		t := r.Environment.text(r.At.Format("2006-01-02"))
		if of[t] == nil {
			texts = append(texts, t)
		}
		of[t] = append(of[t], "`"+r.Load+"`")
	}
	for _, t := range texts {
		fmt.Fprintf(b, "\nMeasured (%s) %s\n", strings.Join(of[t], ", "), t)
	}
}

func (e environment) text(day string) string {
	var vs []string
	for _, v := range e.Versions {
		vs = append(vs, v.Of+" "+v.Is)
	}
	return fmt.Sprintf("on %s, on %s. The load average before was %.2f. Versions: %s.", day, e.Machine, e.Load, strings.Join(vs, ", "))
}

// loadOf is the load that a result is of; none where it is not measured any more.
func loadOf(r result) (load, bool) {
	all := loads()
	i := slices.IndexFunc(all, func(l load) bool { return l.name == r.Load })
	if i < 0 {
		return load{}, false
	}
	return all[i], true
}

// turnsOf is the turns of a result, in the load's order.
func turnsOf(r result) []string {
	var names []string
	if l, ok := loadOf(r); ok {
		for _, t := range l.turns {
			if slices.ContainsFunc(r.Samples, func(s sample) bool { return s.Turn == t.name }) {
				names = append(names, t.name)
			}
		}
	}
	return names
}

// over is a number of a turn over the rounds.
func over(r result, turn string, f func(sample) float64) spread {
	var xs []float64
	for _, s := range r.Samples {
		if s.Turn == turn {
			xs = append(xs, f(s))
		}
	}
	return spreadOf(xs)
}
