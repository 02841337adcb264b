package workflows

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
)

func TestCommas(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 1234567: "1,234,567", -1: "-1", -123: "-123", -1234: "-1,234"} {
		if got := commas(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func TestNamesOfChunks(t *testing.T) {
	for want, c := range map[string]job.Chunk{"record 4,711": {First: 4711, Records: 1}, "records 20,000 to 29,999": {First: 20000, Records: 10000}} {
		if got := named(c); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestTheStoryKeepsTheLongestAndTheLastFailures(t *testing.T) {
	var s story
	for i := range int64(8) {
		s.heard(job.Processed{Failure: &job.Failure{Record: i, Error: "e"}})
	}
	before := s.Failures
	s.heard(job.Processed{Longest: &job.Longest{Record: 1, Micros: 5}})
	s.heard(job.Processed{Longest: &job.Longest{Record: 2, Micros: 9}})
	s.heard(job.Processed{Longest: &job.Longest{Record: 3, Micros: 7}})
	want := []job.Failure{{Record: 7, Error: "e"}, {Record: 6, Error: "e"}, {Record: 5, Error: "e"}, {Record: 4, Error: "e"}, {Record: 3, Error: "e"}}
	if !reflect.DeepEqual(s.Failures, want) || !reflect.DeepEqual(before, want) || s.Longest.Record != 2 {
		t.Errorf("%+v, slowest %+v", s.Failures, s.Longest)
	}
}

func TestWhatTheFarSideSaysIsNoMarkdown(t *testing.T) {
	if got := code("`](x) | a\nb"); got != "`'](x) ¦ a b`" {
		t.Error(got)
	}
}

func TestASummaryIsBounded(t *testing.T) {
	long := strings.Repeat("é", 300)
	if got := summary(long); len(got) > maxSummary || !strings.HasPrefix(got, "…é") || !strings.HasSuffix(got, "é") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
	if got := summary("claim /out"); got != "claim /out" {
		t.Error(got)
	}
}

func TestRates(t *testing.T) {
	for name, c := range map[string]struct {
		n    int64
		over time.Duration
		want string
	}{
		"nothing": {0, time.Second, "0.00"}, "no time": {5, 0, "0.00"}, "slow": {1, 4 * time.Second, "0.25"}, "quick": {123456, 10 * time.Second, "12,346"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := number(rate(c.n, c.over)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
