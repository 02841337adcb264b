package activities

import (
	"bytes"
	"encoding/json"
	"errors"
	"runtime/debug"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/failures"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

func TestErrorLineKeepsTheBeginningOfALongRecord(t *testing.T) {
	a := func(n int) string { return strings.Repeat("a", n) }
	for name, tt := range map[string]struct {
		input     string
		want      string
		base64    bool
		truncated bool
	}{
		"empty":                      {"", "", false, false},
		"at the bound":               {a(4096), a(4096), false, false},
		"a byte beyond":              {a(4097), a(4096), false, true},
		"a rune over the bound":      {a(4095) + "é", a(4095), false, true},
		"a long rune over the bound": {a(4093) + "😀" + a(9), a(4093), false, true},
		"a rune up to the bound":     {a(4094) + "é" + a(9), a(4094) + "é", false, true},
		"not UTF-8":                  {"\xff", "\xff", true, false},
		"not UTF-8 and long":         {"\xff" + a(5000), "\xff" + a(4095), true, true},
		"not UTF-8 over the bound":   {a(4095) + "\xc3", a(4095) + "\xc3", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := errorLine(task.Record{Number: 7, Input: []byte(tt.input), Try: 3}, errors.New("a <b> &\nc"))
			if err != nil {
				t.Fatal(err)
			}
			var f failures.Record
			if err := json.Unmarshal(b, &f); err != nil {
				t.Fatalf("%v: %s", err, b)
			}
			got := string(f.InputBase64)
			if f.Input != nil {
				got = *f.Input
			}
			if got != tt.want || (f.Input == nil) != tt.base64 || f.InputTruncated != tt.truncated {
				t.Errorf("%d bytes, base64 %v, truncated %v; want %d, %v, %v", len(got), f.Input == nil, f.InputTruncated, len(tt.want), tt.base64, tt.truncated)
			}
			if f.Record != 7 || f.Tries != 3 || f.Error != "a <b> &\nc" || bytes.ContainsRune(b, '\n') || !bytes.Contains(b, []byte("<b> &")) {
				t.Errorf("line %.300s", b)
			}
		})
	}
}

func TestALineHasNoLineBreak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := task.Result{Value: rapid.SliceOf(rapid.SampledFrom([]byte("a\"\\\n\r\x00\xff{}[],:1 "))).Draw(t, "value"), JSON: rapid.Bool().Draw(t, "json")}
		for _, f := range []job.Format{job.FormatText, job.FormatJSON} {
			b, err := line(f, r)
			switch {
			case err != nil && !errors.Is(err, errLine):
				t.Errorf("%s: error %v", f, err)
			case err != nil:
			case bytes.ContainsRune(b, '\n'):
				t.Errorf("%s: line %q", f, b)
			case f == job.FormatJSON && !json.Valid(b):
				t.Errorf("%q is not JSON", b)
			case f == job.FormatText && !bytes.HasPrefix(r.Value, b):
				t.Errorf("%q is not how %q begins", b, r.Value)
			}
			if f == job.FormatJSON && !r.JSON && err == nil {
				var s string
				if json.Unmarshal(b, &s) != nil || s != string(r.Value) {
					t.Errorf("%q came back as %q", r.Value, s)
				}
			}
			if f == job.FormatJSON && !r.JSON && utf8.Valid(r.Value) != (err == nil) {
				t.Errorf("%q: %v", r.Value, err)
			}
		}
	})
}

func TestBackoffGrowsAndIsJittered(t *testing.T) {
	p := job.Retry{InitialInterval: job.Duration(100 * time.Millisecond), MaximumInterval: job.Duration(time.Second), BackoffCoefficient: 2}
	for try, most := range map[int]time.Duration{
		1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 3: 400 * time.Millisecond, 4: 800 * time.Millisecond, 5: time.Second, 1000: time.Second,
	} {
		least, longest := time.Hour, time.Duration(0)
		for range 2000 {
			d := backoff(p, try)
			least, longest = min(least, d), max(longest, d)
		}
		if least < most/2 || longest > most {
			t.Errorf("after try %d delays of %s to %s, want within %s to %s", try, least, longest, most/2, most)
		}
		if longest-least < most*4/10 {
			t.Errorf("after try %d delays of %s to %s only", try, least, longest)
		}
	}
}

// panics holds functions that panic, each in its own way, on a line of this file.
var panics = map[string]func(){
	"by itself":    func() { panic("so be it") },
	"nil pointer":  func() { var p *task.Record; p.Number++ },
	"out of range": func() { var s []int; _ = s[len(s)+1] },
	"nil map":      func() { put(nil) },
	"deep within":  func() { _ = strings.Repeat("a", -1) },
}

func put(m map[int]int) { m[1] = 1 }

func TestTheTopFrameIsWhereTheTaskPanicked(t *testing.T) {
	for name, f := range panics {
		t.Run(name, func(t *testing.T) {
			place := ""
			func() {
				defer func() {
					if recover() != nil {
						place = topFrame(debug.Stack())
					}
				}()
				f()
			}()
			want := "line_test.go:"
			if name == "deep within" {
				want = "strings.go:"
			}
			if !strings.Contains(place, want) {
				t.Errorf("panicked at %q, want a line of %s", place, want)
			}
		})
	}
	if got := topFrame(nil); got == "" {
		t.Error("no stack: no word")
	}
}
