package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// kind is what is done for each record.
type kind string

const (
	get     kind = "get"     // an HTTP request, whose answer is "result" and the record
	echo    kind = "echo"    // nothing: the record is the result
	command kind = "command" // the command echo, with the record as its argument

	pipe      kind = "pipe"       // a program that lives on, cat, takes the records line by line
	asyncPipe kind = "async pipe" // a program of Python's asyncio takes many at once
)

// workload is what a candidate is given to do.
type workload struct {
	Records  int
	InFlight int
	Kind     kind
	// Target is the far side of a get.
	Target targetKind
	// First is how long record 0 takes, where it is not as long as any other.
	First time.Duration
	// KeepState runs the embedded server on the database that earlier runs left; otherwise it makes one.
	KeepState bool
	// CountEvents counts the history events that the job left behind.
	CountEvents bool
	// Follow notes how the job went on over time.
	Follow bool
}

// turn is one candidate's part in each round of a load.
type turn struct {
	name      string
	candidate *candidate
	workload  workload
}

// load is candidates side by side on the same work.
type load struct {
	name   string
	what   string
	rounds int
	quick  int // records of the largest input in a quick run
	turns  []turn
	// figures are what the load is measured for.
	figures []figure
	plot    plotKind
}

// title says what the load is, with the sizes that it has.
func (l load) title() string {
	sizes := []int{}
	for _, t := range l.turns {
		if !slices.Contains(sizes, t.workload.Records) {
			sizes = append(sizes, t.workload.Records)
		}
	}
	var texts []string
	for _, s := range sizes {
		texts = append(texts, humanize.Comma(int64(s)))
	}
	t := fmt.Sprintf("%s, %s records", l.what, strings.Join(texts, " and "))
	if w := l.turns[0].workload; w.Kind != echo {
		t += fmt.Sprintf(", %d in flight", w.InFlight)
	}
	return t
}

// scaled is the load with so many records in its largest input, and the others in proportion.
func (l load) scaled(records int) load {
	largest := 0
	for _, t := range l.turns {
		largest = max(largest, t.workload.Records)
	}
	l.turns = slices.Clone(l.turns)
	for i := range l.turns {
		w := &l.turns[i].workload
		w.Records = max(1, int(int64(w.Records)*int64(records)/int64(largest)))
	}
	return l
}

// quickly is the load so small that it shows only that everything works.
func (l load) quickly() load {
	l = l.scaled(l.quick)
	l.rounds = 1
	for i := range l.turns {
		w := &l.turns[i].workload
		w.First = min(w.First, 200*time.Millisecond)
		if w.Target == tailed {
			w.Target = quickTailed
		}
	}
	return l
}

func loadNames() []string {
	var names []string
	for _, l := range loads() {
		names = append(names, l.name)
	}
	return names
}

func chooseLoads(names string) ([]load, error) {
	all := loads()
	if names == "" {
		return all, nil
	}
	var chosen []load
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(l load) bool { return l.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-load %s: want some of %s", name, strings.Join(loadNames(), ","))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
