package progress

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// show shows snapshots in a mode and returns the lines written.
func show(t *testing.T, m Mode, snapshots ...Snapshot) []string {
	t.Helper()
	var b bytes.Buffer
	d, err := New(m, &b, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range snapshots {
		d.Show(s)
	}
	d.Close()
	if b.Len() == 0 {
		return nil
	}
	text, complete := strings.CutSuffix(b.String(), "\n")
	if !complete {
		t.Errorf("the last line has no end: %q", b.String())
	}
	return strings.Split(text, "\n")
}

// at are snapshots at seconds after the start, as many done as seconds passed.
func at(seconds ...float64) []Snapshot {
	var all []Snapshot
	for _, s := range seconds {
		all = append(all, Snapshot{Done: int64(s), Elapsed: time.Duration(s * float64(time.Second))})
	}
	return all
}

func TestUnknownModesAreRefused(t *testing.T) {
	for _, m := range []Mode{"", "fancy", Auto} {
		if _, err := New(m, nil, false); err == nil || !strings.Contains(err.Error(), "want auto, bar, plain, json or none") {
			t.Errorf("%q: %v", m, err)
		}
	}
}

func TestNoneWritesNothing(t *testing.T) {
	if got := show(t, None, at(0, 100)...); got != nil {
		t.Errorf("got %q", got)
	}
}

// TestLinesAreThrottled by the time that passed, not by how many snapshots came; the first and the last are always written.
func TestLinesAreThrottled(t *testing.T) {
	for name, c := range map[string]struct {
		mode Mode
		at   []float64
		want []float64
	}{
		"plain":                         {Plain, []float64{0, 1, 4.9, 5, 9, 10, 12}, []float64{0, 5, 10, 12}},
		"plain counts from the last":    {Plain, []float64{1, 5, 7, 11}, []float64{1, 7, 11}},
		"plain, the last not twice":     {Plain, []float64{0, 5}, []float64{0, 5}},
		"plain, only one":               {Plain, []float64{3}, []float64{3}},
		"plain, nothing":                {Plain, nil, nil},
		"JSON":                          {JSON, []float64{0, 0.25, 0.75, 1, 1.5, 2, 2.25}, []float64{0, 1, 2, 2.25}},
		"JSON, the last not twice":      {JSON, []float64{0, 1}, []float64{0, 1}},
		"JSON, nothing":                 {JSON, nil, nil},
		"JSON, after a long silence":    {JSON, []float64{0, 100, 100.5}, []float64{0, 100, 100.5}},
		"plain, many within one moment": {Plain, []float64{0, 0, 0, 0}, []float64{0}},
	} {
		t.Run(name, func(t *testing.T) {
			want := show(t, c.mode) // nothing
			for _, s := range at(c.want...) {
				want = append(want, show(t, c.mode, s)...) // each alone is written
			}
			if got := show(t, c.mode, at(c.at...)...); !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestPlainWritesTheText(t *testing.T) {
	s := Snapshot{Done: 5, Total: 10, Cap: 3, Trouble: "503"}
	if got := show(t, Plain, s); len(got) != 1 || got[0] != text(s) {
		t.Errorf("got %q", got)
	}
}

// TestJSONFields holds the fields, which programs read.
func TestJSONFields(t *testing.T) {
	for name, c := range map[string]struct {
		s    Snapshot
		want map[string]any
	}{
		"all": {
			Snapshot{
				Done: 50, Failed: 1, Written: 40, Total: 100, Estimated: true, InFlight: 7, Cap: 8,
				Elapsed: 2500 * time.Millisecond, Before: 25, Trouble: "HTTP 503 <busy>", Rates: &Rates{Now: 12, Lately: 20},
				Ahead: 9, Slowest: &Slowest{Record: 41, Seconds: 3, Cause: "busy"},
			},
			map[string]any{
				"done": 50.0, "failed": 1.0, "written": 40.0, "total": 100.0, "estimated": true, "inFlight": 7.0, "cap": 8.0,
				"elapsedSeconds": 2.5, "recordsPerSecond": 10.0, "recordsPerSecondNow": 12.0, "leftSeconds": 2.5, "trouble": "HTTP 503 <busy>",
				"ahead": 9.0, "slowest": map[string]any{"record": 41.0, "seconds": 3.0, "cause": "busy"},
			},
		},
		"the least": {
			Snapshot{},
			map[string]any{
				"done": 0.0, "failed": 0.0, "written": 0.0, "total": 0.0, "inFlight": 0.0, "cap": 0.0, "elapsedSeconds": 0.0, "recordsPerSecond": 0.0,
			},
		},
		"at the end": {
			Snapshot{Done: 4, Written: 4, Total: 4, Cap: 1, Elapsed: time.Second},
			map[string]any{
				"done": 4.0, "failed": 0.0, "written": 4.0, "total": 4.0, "inFlight": 0.0, "cap": 1.0,
				"elapsedSeconds": 1.0, "recordsPerSecond": 4.0, "leftSeconds": 0.0,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := show(t, JSON, c.s)
			if len(got) != 1 {
				t.Fatalf("got %q", got)
			}
			var fields map[string]any
			if err := json.Unmarshal([]byte(got[0]), &fields); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(fields, c.want) {
				t.Errorf("got\n%v\nwant\n%v", fields, c.want)
			}
		})
	}
}
