package progress

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mattn/go-runewidth"
)

func TestBarLeft(t *testing.T) {
	for want, s := range map[string]Snapshot{
		"0  --%":                              {},
		"1,234 of 10,000  12%":                {Done: 1234, Total: 10_000},
		"10,000 of 10,000 100%":               {Done: 10_000, Total: 10_000},
		"0 of 5   0%":                         {Total: 5},
		"99 of 100  99%":                      {Done: 99, Total: 100},
		"1,999 of 2,000  99%":                 {Done: 1999, Total: 2000}, // not done is not 100%
		"12,345  --%":                         {Done: 12_345},
		"500 of about 10,000   5%":            {Done: 500, Total: 10_000, Estimated: true},
		"1,000 of 1,125,899,906,842,624   0%": {Done: 1_000, Total: 1 << 50},
		"10,500 of about 10,000 105%":         {Done: 10_500, Total: 10_000, Estimated: true}, // an estimate that was too low
	} {
		if got := barLeft(s); got != want {
			t.Errorf("%+v: got %q, want %q", s, got, want)
		}
	}
}

func TestBarRight(t *testing.T) {
	for want, s := range map[string]Snapshot{"": {Done: 10}, "1,000 failed": {Done: 2000, Failed: 1000}} {
		if got := barRight(s); got != want {
			t.Errorf("%+v: got %q, want %q", s, got, want)
		}
	}
}

// TestLinesBelowTheBarFit draws them at many widths: no line wraps, the parts that matter less go first, and nothing is cut where there is room.
func TestLinesBelowTheBarFit(t *testing.T) {
	s := Snapshot{
		Done: 123_456, Total: 1_000_000, Elapsed: 100 * time.Second, InFlight: 1000, Cap: 1000, Ahead: 12_345, Rates: &Rates{Now: 12_345, Lately: 11_111},
		Slowest: &Slowest{Record: 111_111, Seconds: 100, Cause: strings.Repeat("世界", 100)}, Trouble: strings.Repeat("x", 300),
	}
	const pace = "12,345/s now, 1,235/s avg, 1m19s left, 1,000 of 1,000 in flight, 12,345 ahead"
	for width := 2; width <= 220; width++ {
		var out bytes.Buffer
		if err := (&bar{}).below(&out, s, width); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != 3 {
			t.Fatalf("at %d columns: %d lines", width, len(lines))
		}
		for _, l := range lines {
			if runewidth.StringWidth(l) >= width {
				t.Errorf("at %d columns: %q", width, l)
			}
		}
		if width >= len("12,345/s now,") && !strings.HasPrefix(pace, lines[0]) {
			t.Errorf("at %d columns: %q", width, lines[0])
		}
		if width >= 80 && (lines[0] != pace || !strings.HasPrefix(lines[1], "held up by record 111,111 for 1m40s: 世") || !strings.HasPrefix(lines[2], "waiting: xxx")) {
			t.Errorf("at %d columns: %q", width, lines)
		}
	}
}

func TestLinesBelowTheBar(t *testing.T) {
	for name, c := range map[string]struct {
		s      Snapshot
		colour bool
		want   string
	}{
		"all is well":      {Snapshot{Cap: 3}, true, "0.0/s, 0 of 3 in flight\n"},
		"in trouble":       {Snapshot{Cap: 3, Trouble: "503"}, false, "0.0/s, 0 of 3 in flight\nwaiting: 503\n"},
		"in colour":        {Snapshot{Cap: 3, Trouble: "503"}, true, "0.0/s, 0 of 3 in flight\n\x1b[33mwaiting: 503\x1b[0m\n"},
		"of another's hue": {Snapshot{Cap: 3, Trouble: "\x1b[31m503"}, false, "0.0/s, 0 of 3 in flight\nwaiting:  [31m503\n"},
		"slow, but not for long": {
			Snapshot{Cap: 3, Ahead: 4, Slowest: &Slowest{Seconds: 9}}, false, "0.0/s, 0 of 3 in flight, 4 ahead\n",
		},
		"slow, but no slower than others": {
			Snapshot{Cap: 3, Ahead: 3, Slowest: &Slowest{Seconds: 600}}, false, "0.0/s, 0 of 3 in flight, 3 ahead\n",
		},
		"held up": {
			Snapshot{Cap: 3, Ahead: 4, Slowest: &Slowest{Record: 5, Seconds: 10}}, false, "0.0/s, 0 of 3 in flight, 4 ahead\nheld up by record 5 for 10s\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := (&bar{colour: c.colour}).below(&out, c.s, 80); err != nil || out.String() != c.want {
				t.Errorf("got %q, %v; want %q", out.String(), err, c.want)
			}
		})
	}
	broken := errors.New("broken")
	if err := (&bar{}).below(writer(func([]byte) (int, error) { return 0, broken }), Snapshot{}, 80); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// TestBarEnds shows a bar where there is no terminal: whatever was shown, Close returns, and goleak finds nothing left of it.
func TestBarEnds(t *testing.T) {
	for name, snapshots := range map[string][]Snapshot{
		"without a snapshot":        nil,
		"of an unknown total":       {{}, {Done: 5, Elapsed: time.Second}},
		"half way":                  {{Total: 10}, {Done: 5, Total: 10, Elapsed: time.Second, Trouble: "503"}},
		"complete":                  {{Done: 5, Total: 10}, {Done: 10, Total: 10, Elapsed: time.Second}},
		"complete from the start":   {{Done: 10, Total: 10}},
		"of an estimate":            {{Done: 5, Total: 3, Estimated: true}, {Done: 20, Total: 15, Estimated: true}},
		"of a total that shrinks":   {{Done: 5, Total: 100, Estimated: true}, {Done: 6, Total: 6}},
		"of more than there can be": {{Done: 1 << 62, Total: 1 << 62}},
		"in trouble with no width":  {{Total: 1, Trouble: strings.Repeat("x", 10_000)}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			d, err := New(Bar, &b, false)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range snapshots {
				d.Show(s)
			}
			d.Close()
		})
	}
}

// TestBarLeavesTheLastSnapshotToBeSeen, in bubbles, in which time passes at once.
func TestBarLeavesTheLastSnapshotToBeSeen(t *testing.T) {
	for name, c := range map[string]struct {
		snapshots []Snapshot
		want      []string
	}{
		"complete": {
			[]Snapshot{{Done: 1, Total: 1000}, {Done: 1000, Total: 1000, Elapsed: 4 * time.Second, Failed: 3}},
			[]string{"1,000 of 1,000 100%", "=] 3 failed", "250/s, in 4s"},
		},
		"half way": {
			[]Snapshot{{Done: 1, Total: 1000}, {Done: 500, Total: 1000, Elapsed: time.Second}},
			[]string{"500 of 1,000  50%", "==> ", "500/s, 1s left"},
		},
		"after an estimate that was too low": {
			[]Snapshot{{Done: 5, Total: 3, Estimated: true}, {Done: 6, Total: 100, Elapsed: time.Second}, {Done: 100, Total: 100, Elapsed: time.Second}},
			[]string{"6 of 100   6%", "100 of 100 100%", "=]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b bytes.Buffer
				d, err := New(Bar, &b, false)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range c.snapshots {
					d.Show(s)
					time.Sleep(time.Second) // to be drawn
				}
				d.Close()
				for _, want := range c.want {
					if !strings.Contains(b.String(), want) {
						t.Errorf("no %q in %q", want, b.String())
					}
				}
			})
		})
	}
}
