package progress

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRateAndLeft(t *testing.T) {
	for name, c := range map[string]struct {
		s    Snapshot
		rate float64
		left time.Duration // negative where unknown
	}{
		"at the start":          {Snapshot{Done: 5, Total: 10}, 0, -1},
		"half way":              {Snapshot{Done: 50, Total: 100, Elapsed: 5 * time.Second}, 10, 5 * time.Second},
		"resumed":               {Snapshot{Done: 50, Before: 40, Total: 100, Elapsed: 5 * time.Second}, 2, 25 * time.Second},
		"nothing done yet":      {Snapshot{Done: 40, Before: 40, Total: 100, Elapsed: time.Second}, 0, -1},
		"of an unknown total":   {Snapshot{Done: 50, Elapsed: 5 * time.Second}, 10, -1},
		"done":                  {Snapshot{Done: 100, Total: 100, Elapsed: time.Second}, 100, 0},
		"fewer than there were": {Snapshot{Done: 3, Before: 5, Total: 10, Elapsed: time.Second}, -2, -1},
		"in less than a second": {Snapshot{Done: 1, Total: 2, Elapsed: 100 * time.Millisecond}, 10, 100 * time.Millisecond},
		"at the rate of lately": {Snapshot{Done: 50, Total: 100, Elapsed: 5 * time.Second, Rates: &Rates{Lately: 5}}, 10, 10 * time.Second},
		"stopped lately":        {Snapshot{Done: 50, Total: 100, Elapsed: 5 * time.Second, Rates: &Rates{}}, 10, -1},
		"stragglers": {
			Snapshot{Done: 98, Total: 100, Elapsed: 5 * time.Second, Cap: 4, Ahead: 90, Slowest: &Slowest{Seconds: 20}}, 19.6, -1,
		},
		"of an estimate":          {Snapshot{Done: 50, Total: 100, Estimated: true, Elapsed: 5 * time.Second}, 10, 5 * time.Second},
		"a clock that went back":  {Snapshot{Done: 50, Total: 100, Elapsed: -time.Second}, 0, -1},
		"more than was estimated": {Snapshot{Done: 110, Total: 100, Estimated: true, Elapsed: 11 * time.Second}, 10, -1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.s.Rate(); got != c.rate {
				t.Errorf("rate %v, want %v", got, c.rate)
			}
			if got := c.s.Left(); got != c.left && (got >= 0 || c.left >= 0) {
				t.Errorf("left %s, want %s", got, c.left)
			}
		})
	}
}

func TestText(t *testing.T) {
	s := Snapshot{Done: 1234, Failed: 2, Total: 10_000, InFlight: 7, Cap: 64, Elapsed: 10 * time.Second}
	with := func(change func(*Snapshot)) Snapshot {
		c := s
		change(&c)
		return c
	}
	stuck := func(s *Snapshot) {
		s.Ahead, s.Slowest = 1000, &Slowest{Record: 4711, Seconds: 65, Cause: "HTTP 503\x1b[2J"}
	}
	for name, c := range map[string]struct {
		s    Snapshot
		want string
	}{
		"on the way": {s, "1,234 of 10,000 done, 2 failed, 123/s, 1m11s left, 7 of 64 in flight"},
		"measured": {
			with(func(s *Snapshot) { s.Rates = &Rates{Now: 200, Lately: 100} }),
			"1,234 of 10,000 done, 2 failed, 200/s now, 123/s avg, 1m28s left, 7 of 64 in flight",
		},
		"at a standstill": {
			with(func(s *Snapshot) { s.Rates = &Rates{} }), "1,234 of 10,000 done, 2 failed, 0.0/s now, 123/s avg, 7 of 64 in flight",
		},
		"estimated":   {with(func(s *Snapshot) { s.Estimated = true }), "1,234 of about 10,000 done, 2 failed, 123/s, 1m11s left, 7 of 64 in flight"},
		"of no total": {with(func(s *Snapshot) { s.Total = 0 }), "1,234 done, 2 failed, 123/s, 7 of 64 in flight"},
		"ahead":       {with(func(s *Snapshot) { s.Ahead = 1000 }), "1,234 of 10,000 done, 2 failed, 123/s, 1m11s left, 7 of 64 in flight, 1,000 ahead"},
		"held up": {
			with(stuck),
			"1,234 of 10,000 done, 2 failed, 123/s, 1m11s left, 7 of 64 in flight, 1,000 ahead; held up by record 4,711 for 1m05s: HTTP 503 [2J",
		},
		"in trouble":   {with(func(s *Snapshot) { s.Trouble = "503\n" }), "1,234 of 10,000 done, 2 failed, 123/s, 1m11s left, 7 of 64 in flight; waiting: 503 "},
		"at the start": {Snapshot{Cap: 8}, "0 done, 0 failed, 0.0/s, 0 of 8 in flight"},
		"at the end":   {Snapshot{Done: 5, Total: 5, Cap: 8, Elapsed: 2 * time.Second}, "5 of 5 done, 0 failed, 2.5/s, in 2s"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := text(c.s); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestRateIsShortForPeople(t *testing.T) {
	for want, r := range map[string]float64{"0.0": 0.04, "0.1": 0.05001, "12.3": 12.34, "99.9": 99.94, "100": 100, "1,235": 1234.5} {
		if got := Rate(r); got != want {
			t.Errorf("%v: got %s, want %s", r, got, want)
		}
	}
}

func TestDurationsAreShortForPeople(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s":      499 * time.Millisecond,
		"1s":      500 * time.Millisecond,
		"59s":     59 * time.Second,
		"1m00s":   59*time.Second + 500*time.Millisecond,
		"1m01s":   61 * time.Second,
		"59m59s":  time.Hour - time.Second,
		"1h00m":   time.Hour,
		"1h01m":   time.Hour + 119*time.Second,
		"100h05m": 100*time.Hour + 5*time.Minute,
	} {
		if got := short(d); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
}
