package failures

import (
	"fmt"
	"strings"
	"testing"
)

func record(n int64, input, message string) Record {
	return Record{Record: n, Input: &input, Error: message, Tries: 1}
}

func TestTallyCountsByCauseAndKeepsTheFirstSamples(t *testing.T) {
	tally := Tally{Samples: 2}
	for i := range int64(10) {
		tally.Add(record(i, fmt.Sprint("user", i), fmt.Sprintf("no user%d here", i)))
	}
	tally.Add(record(10, "x", "refused"))
	groups := tally.Groups()
	if tally.Total != 11 || tally.Other != 0 || len(groups) != 2 {
		t.Fatalf("%d failures, %d of other causes: %+v", tally.Total, tally.Other, groups)
	}
	g := groups[0]
	if g.Cause != "no … here" || g.Count != 10 || len(g.Samples) != 2 || g.Samples[0].Record != 0 || g.Samples[1].Record != 1 {
		t.Errorf("%+v", g)
	}
	if g := groups[1]; g.Cause != "refused" || g.Count != 1 || len(g.Samples) != 1 {
		t.Errorf("%+v", g)
	}
	want := `10 times no … here (as record 0, "user0"); once refused (as record 10, "x")`
	if got := tally.Summary(3); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := tally.Summary(1); !strings.HasSuffix(got, "; and 1 causes more") {
		t.Errorf("%s", got)
	}
}

// A message is remembered by its text, and the same text may quote one record and not another.
func TestAMessageThatQuotesItsRecordIsNotRememberedForOthers(t *testing.T) {
	var tally Tally
	tally.Add(record(0, "zzz", "no anna here"))
	tally.Add(record(1, "anna", "no anna here"))
	tally.Add(record(2, "yyy", "no anna here"))
	groups := tally.Groups()
	if len(groups) != 2 || groups[0].Cause != "no anna here" || groups[0].Count != 2 || groups[1].Cause != "no … here" {
		t.Errorf("%+v", groups)
	}
}

func TestTallyIsBounded(t *testing.T) {
	tally := Tally{Samples: MaxSamples + 1}
	name := func(i int) string { // of letters only
		return strings.Map(func(c rune) rune { return 'a' + c - '0' }, fmt.Sprint(i))
	}
	long := strings.Repeat("é", 2_000)
	for i := range MaxCauses + 50 {
		tally.Add(record(int64(i), "short", "cause "+name(i)))
	}
	for i := range 2 * MaxSamples {
		tally.Add(record(int64(i), long, "cause "+name(0)+strings.Repeat(" ", 3_000)))
	}
	groups := tally.Groups()
	if len(groups) != MaxCauses || tally.Other != 50 || tally.Total != MaxCauses+50+2*MaxSamples {
		t.Errorf("%d causes, %d failures of others, %d in all", len(groups), tally.Other, tally.Total)
	}
	if s := groups[0].Samples; len(s) != MaxSamples || len(*s[1].Input) > maxSampleInput || !s[1].InputTruncated || len(s[1].Error) > maxSampleError {
		t.Errorf("%d samples, of %d bytes of input and %d of error", len(s), len(*s[1].Input), len(s[1].Error))
	}
	if len(tally.known) > maxKnown {
		t.Errorf("%d messages are remembered", len(tally.known))
	}
}

func TestARecordIsNamedForPeople(t *testing.T) {
	truncated := record(1, strings.Repeat("a", 200), "")
	for name, c := range map[string]struct {
		r    Record
		want string
	}{
		"text":           {record(7, "abc", ""), `record 7, "abc"`},
		"an object":      {record(7, `{"id":"7"}`, ""), `record 7, {"id":"7"}`},
		"long":           {truncated, `record 1, "` + strings.Repeat("a", 100) + `…"`},
		"not UTF-8":      {Record{Record: 3, InputBase64: []byte{0xff}}, "record 3"},
		"escape codes":   {record(2, "a\x1b[31mb", ""), `record 2, "a [31mb"`},
		"nothing at all": {record(2, "", ""), `record 2, ""`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.r.String(); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestDecodeNamesALineThatIsNone(t *testing.T) {
	if _, err := Decode([]byte("nonsense")); err == nil || !strings.Contains(err.Error(), "a line of the errors file") {
		t.Errorf("%v", err)
	}
}

func BenchmarkTally(b *testing.B) {
	for name, message := range map[string]string{"same": "HTTP 404 Not Found: refused", "quoting": "HTTP 404 Not Found: no user 12345 at http://10.0.0.1:80/x"} {
		b.Run(name, func(b *testing.B) {
			tally := Tally{Samples: 3}
			for i := range b.N {
				tally.Add(record(int64(i), "user12345", message))
			}
		})
	}
}
