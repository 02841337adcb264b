package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// aResult is a result of two rounds of every turn of a load.
func aResult(l load) result {
	r := result{Load: l.name, Title: l.title(), At: time.Unix(0, 0).UTC()}
	for i, t := range l.turns {
		for n := range 2 {
			s := sample{Turn: t.name, Round: n, Records: t.workload.Records, Work: float64(i + n + 1), Wall: float64(i + n + 2), PeakMiB: 50, Ideal: 1, Events: 3, Runs: 1}
			s.Series = []point{{0.1 * s.Work, 1, 40}, {s.Work, int64(s.Records), 50}}
			r.Samples = append(r.Samples, s)
		}
	}
	return r
}

// A page is brought up to date load by load: what stands outside of the marks, and the other loads, stay.
func TestThePageIsBroughtUpToDateByLoad(t *testing.T) {
	docs := t.TempDir()
	path := filepath.Join(docs, pageName)
	if err := os.WriteFile(path, []byte("before\n"+figuresBegin+"old\n"+figuresEnd+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, l := range loads() {
		p, err := readPage(docs)
		if err != nil {
			t.Fatal(err)
		}
		p.put(aResult(l))
		if err := p.write(docs); err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if !strings.HasPrefix(text, "before\n"+figuresBegin) || !strings.HasSuffix(text, figuresEnd+"after\n") || strings.Contains(text, "old") {
		t.Errorf("the page is\n%s", text)
	}
	for _, l := range loads() {
		rows := strings.Count(text, "| `"+l.name+"` |")
		if rows != len(l.figures) {
			t.Errorf("%s has %d rows, want one for each of its %d figures", l.name, rows, len(l.figures))
		}
		if _, err := os.Stat(filepath.Join(docs, plotsName, l.name+".svg")); (err == nil) != (l.plot != plotNone) {
			t.Errorf("plot of %s: %v", l.name, err)
		}
	}
	if strings.Contains(text, "NaN") {
		t.Errorf("the page has a number that is none:\n%s", text)
	}
}

func TestAPageWithoutMarksIsRefused(t *testing.T) {
	for name, old := range map[string]string{"none": "text", "no end": figuresBegin, "the end first": figuresEnd + figuresBegin} {
		if _, err := replaceFigures([]byte(old), "new"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What cannot run is named, and its figures say that they were not measured.
func TestWhatIsMissingIsNamed(t *testing.T) {
	l, err := chooseLoads("command")
	if err != nil {
		t.Fatal(err)
	}
	gone := *parallel
	gone.missing = needs(map[string]string{"no-such-program-here": "a-package"})
	l[0].turns = []turn{{"parallel", &gone, l[0].turns[0].workload}}
	b := &bench{}
	samples, missing, err := b.rounds(context.Background(), l[0])
	if err != nil || len(samples) > 0 || len(missing) != 1 {
		t.Fatalf("%v, %v, %v", samples, missing, err)
	}
	text := tables([]result{{Load: "command", Missing: missing}})
	for _, want := range []string{"parallel: no-such-program-here is not installed (apt-get install a-package)", "| not measured |"} {
		if !strings.Contains(text, want) {
			t.Errorf("not said: %s\n%s", want, text)
		}
	}
}
