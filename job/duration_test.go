package job

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDurationReadsAsGoWritesIt(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`"30s"`:   30 * time.Second,
		`"1m30s"`: 90 * time.Second,
		`"1.5h"`:  90 * time.Minute,
		`"-1ns"`:  -1,
		`"0"`:     0,
	} {
		t.Run(text, func(t *testing.T) {
			var d Duration
			if err := json.Unmarshal([]byte(text), &d); err != nil || time.Duration(d) != want {
				t.Errorf("got %s, %v; want %s", d, err, want)
			}
		})
	}
}

func TestDurationRefusesWhatIsNone(t *testing.T) {
	for _, text := range []string{`30`, `""`, `"30"`, `"s"`, `true`, `{}`, `"1000000h1000000000000h"`} {
		t.Run(text, func(t *testing.T) {
			d := Duration(7)
			err := json.Unmarshal([]byte(text), &d)
			var typ *json.UnmarshalTypeError
			if !errors.As(err, &typ) || typ.Value != text {
				t.Errorf("got %v", err)
			}
			if d != 7 {
				t.Errorf("the refused value changed it to %s", d)
			}
		})
	}
}

func TestNullLeavesTheDuration(t *testing.T) {
	d := Duration(7)
	if err := json.Unmarshal([]byte(`null`), &d); err != nil || d != 7 {
		t.Errorf("got %s, %v", d, err)
	}
}

func TestDurationSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Duration(rapid.Int64().Draw(t, "nanoseconds"))
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Duration
		if err := json.Unmarshal(b, &got); err != nil || got != want {
			t.Fatalf("%s became %s, %v", want, got, err)
		}
		if string(b) != `"`+time.Duration(want).String()+`"` {
			t.Fatalf("written as %s", b)
		}
	})
}
