package progress

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestBarLeft(t *testing.T) {
	for want, s := range map[string]Snapshot{
		"0  --% ":      {},
		"1,234  12% ":  {Done: 1234, Total: 10_000},
		"10,000 100% ": {Done: 10_000, Total: 10_000},
		"0   0% ":      {Total: 5},
		"99  99% ":     {Done: 99, Total: 100},
		"1,999  99% ":  {Done: 1999, Total: 2000}, // not done is not 100%
		"12,345  --% ": {Done: 12_345},
		"500   5% ":    {Done: 500, Total: 10_000, Estimated: true},
		"1,000   0% ":  {Done: 1_000, Total: 1 << 50},
		"10,500 105% ": {Done: 10_500, Total: 10_000, Estimated: true}, // an estimate that was too low
	} {
		if got := barLeft(s); got != want {
			t.Errorf("%+v: got %q, want %q", s, got, want)
		}
	}
}

func TestBarRight(t *testing.T) {
	for want, s := range map[string]Snapshot{
		" 0.0/s":                       {},
		" 10.0/s 9s left":              {Done: 10, Total: 100, Elapsed: time.Second},
		" 10.0/s":                      {Done: 10, Elapsed: time.Second},
		" 100/s":                       {Done: 100, Total: 100, Elapsed: time.Second},
		" 10.0/s 9s left 1,000 failed": {Done: 10, Total: 100, Elapsed: time.Second, Failed: 1000},
		" 0.0/s 3 failed":              {Failed: 3},
	} {
		if got := barRight(s); got != want {
			t.Errorf("%+v: got %q, want %q", s, got, want)
		}
	}
}

func TestTroubleFitsIntoItsLine(t *testing.T) {
	for name, c := range map[string]struct {
		trouble string
		width   int
		want    string
	}{
		"none":                   {"", 80, ""},
		"short":                  {"503", 80, "waiting: 503\n"},
		"just narrow enough":     {"503", 13, "waiting: 503\n"},
		"a column too wide":      {"503", 12, "waiting: 5…\n"},
		"cut by characters":      {"éééé", 12, "waiting: é…\n"},
		"nearly no room":         {"503", 2, "…\n"},
		"a width that is no one": {"503", 0, "waiting: 503\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := trouble(&b, Snapshot{Trouble: c.trouble}, c.width); err != nil || b.String() != c.want {
				t.Errorf("got %q, %v; want %q", b.String(), err, c.want)
			}
		})
	}
	broken := errors.New("broken")
	if err := trouble(writer(func([]byte) (int, error) { return 0, broken }), Snapshot{Trouble: "x"}, 80); !errors.Is(err, broken) {
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
			d, err := New(Bar, &b)
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
			[]string{"1,000 100%", "=]", "250/s 3 failed"},
		},
		"half way": {
			[]Snapshot{{Done: 1, Total: 1000}, {Done: 500, Total: 1000, Elapsed: time.Second}},
			[]string{"500  50%", "==> ", "500/s 1s left"},
		},
		"after an estimate that was too low": {
			[]Snapshot{{Done: 5, Total: 3, Estimated: true}, {Done: 6, Total: 100, Elapsed: time.Second}, {Done: 100, Total: 100, Elapsed: time.Second}},
			[]string{"6   6%", "100 100%", "=]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b bytes.Buffer
				d, err := New(Bar, &b)
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
