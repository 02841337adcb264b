package main

import (
	"math"
	"testing"
)

func TestSpreadIsOfWhatWasMeasured(t *testing.T) {
	nan := math.NaN()
	for name, tt := range map[string]struct {
		of   []float64
		want spread
	}{
		"odd":        {[]float64{3, 1, 2}, spread{2, 1, 3, 3}},
		"even":       {[]float64{4, 1, 2, 3}, spread{2.5, 1, 4, 4}},
		"one":        {[]float64{7}, spread{7, 7, 7, 1}},
		"some miss":  {[]float64{nan, 5, nan, 1}, spread{3, 1, 5, 2}},
		"all but ∞":  {[]float64{nan, math.Inf(1)}, spread{math.Inf(1), math.Inf(1), math.Inf(1), 1}},
		"duplicates": {[]float64{2, 2, 9}, spread{2, 2, 9, 3}},
	} {
		if got := spreadOf(tt.of); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
	if s := spreadOf([]float64{nan}); !math.IsNaN(s.median) || s.n != 0 {
		t.Errorf("of nothing: %+v", s)
	}
}

func TestVerdicts(t *testing.T) {
	for name, tt := range map[string]struct {
		bar  bar
		is   float64
		text string
		want string
	}{
		"at the least": {atLeast(0.95), 0.95, "at least 0.95", "reached"},
		"under it":     {atLeast(0.95), 0.949, "at least 0.95", "**missed**"},
		"at the most":  {atMost(2000), 2000, "at most 2,000", "reached"},
		"over it":      {atMost(2000), 2001, "at most 2,000", "**missed**"},
		"within":       {within(0.75, 1.25), 1, "0.75 to 1.25", "reached"},
		"without":      {within(0.75, 1.25), 1.3, "0.75 to 1.25", "**missed**"},
		"missing":      {atLeast(1), math.NaN(), "at least 1", "not measured"},
		"no bar":       {bar{}, 1, "–", ""},
	} {
		if got := tt.bar.verdict(tt.is); got != tt.want || tt.bar.String() != tt.text {
			t.Errorf("%s: %q, %q; want %q, %q", name, tt.bar, got, tt.text, tt.want)
		}
	}
}

// A figure pairs the samples of one round, whatever their order, and leaves a round out that lacks one of them.
func TestAFigureIsMadeWithinRounds(t *testing.T) {
	at := func(turn string, round int, work float64) sample {
		return sample{Turn: turn, Round: round, Records: 100, Work: work}
	}
	r := result{Samples: []sample{at("a", 0, 1), at("b", 0, 2), at("b", 1, 8), at("a", 1, 2), at("a", 2, 1)}}
	if got, want := ratio("a", "b", bar{}).measuredBy(r), (spread{3, 2, 4, 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestTheEndsOfAJobAreCompared(t *testing.T) {
	steady := []point{{Seconds: 1}, {Seconds: 2, Records: 10}, {Seconds: 12, Records: 110}, {Seconds: 101, Records: 1000}}
	slowing := []point{{Seconds: 0, Records: 10}, {Seconds: 9, Records: 100}, {Seconds: 89, Records: 900}, {Seconds: 109, Records: 1000}}
	for name, tt := range map[string]struct {
		series []point
		want   float64
	}{"steady": {steady, 1}, "slowing": {slowing, 0.5}} {
		for _, over := range []int{1, 2} {
			s := sample{Turn: "a", Records: 1000, Series: tt.series}
			if got := lastTenth("a", over, bar{}).of(round{"a": s}); math.Abs(got-tt.want) > 0.001 {
				t.Errorf("%s: %f of tenth %d, want %f", name, got, over, tt.want)
			}
		}
	}
	for name, series := range map[string][]point{"not followed": nil, "nothing committed": {{Seconds: 1}}, "at once": {{Seconds: 1, Records: 1000}}} {
		if got := lastTenth("a", 1, bar{}).of(round{"a": {Turn: "a", Records: 1000, Series: series}}); !math.IsNaN(got) {
			t.Errorf("%s: %f", name, got)
		}
	}
}

func TestMemoryIsComparedOverTime(t *testing.T) {
	s := sample{Turn: "a", Work: 100, Series: []point{
		{Seconds: 5, MiB: 90}, {Seconds: 12, MiB: 20}, {Seconds: 18, MiB: 40}, {Seconds: 50, MiB: 99}, {Seconds: 91, MiB: 60}, {Seconds: 99, MiB: 30},
	}}
	if got := memoryLastTenth("a", bar{}).of(round{"a": s}); got != 1.5 {
		t.Errorf("%f, want 60 / 40", got)
	}
}
