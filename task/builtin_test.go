package task

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestEchoAnswersTheRecord(t *testing.T) {
	made := builtin(t, "echo", "")
	for _, record := range []string{"", "a", "\x00\xff\r", `{"a":1}`} {
		r, err := do(t.Context(), made, record)
		wantValue(t, r, err, record)
	}
	if _, ok := made.(Instant); !ok {
		t.Error("echo takes a slot of its own for each record")
	}
}

func TestDoubleAnswersTwiceTheRecord(t *testing.T) {
	made := builtin(t, "double", `{"delay":"0s"}`)
	for record, want := range map[string]string{
		"0":                      "0",
		"21":                     "42",
		"-21":                    "-42",
		"+4":                     "8",
		"007":                    "14",
		"9223372036854775807":    "18446744073709551614",
		"-9223372036854775808":   "-18446744073709551616",
		strings.Repeat("5", 100): "1" + strings.Repeat("1", 99) + "0",
		"1.5":                    "3",
		"-0.25":                  "-0.5",
		"1e3":                    "2000",
		"1e300":                  "2e+300",
		".5":                     "1",
	} {
		t.Run(record, func(t *testing.T) {
			r, err := do(t.Context(), made, record)
			if err != nil || string(r.Value) != want || !r.JSON || !json.Valid(r.Value) {
				t.Errorf("got %s, JSON %t, %v; want %s", r.Value, r.JSON, err, want)
			}
		})
	}
}

func TestDoubleRefusesWhatIsNoNumber(t *testing.T) {
	made := builtin(t, "double", `{"delay":"0s"}`)
	for _, record := range []string{"", " ", " 5", "5 ", "five", "5,0", "NaN", "Inf", "-infinity", "1e999", "1e308", "--1", "1\n", "\x005"} {
		t.Run(record, func(t *testing.T) {
			r, err := do(t.Context(), made, record)
			if err == nil {
				t.Fatalf("got %s", r.Value)
			}
			wantFailure(t, err, Permanent, "is not a number")
		})
	}
}

func TestDoubleSaysNoMoreThanTheBeginningOfALongRecord(t *testing.T) {
	_, err := do(t.Context(), builtin(t, "double", `{"delay":"0s"}`), strings.Repeat("x", 1<<20))
	if wantFailure(t, err, Permanent); len(err.Error()) > 200 {
		t.Errorf("its error has %d bytes", len(err.Error()))
	}
}

// TestDoubleAnswersJSONForAnyNumber: what it answers for a number is twice it, and always JSON.
func TestDoubleAnswersJSONForAnyNumber(t *testing.T) {
	made := builtin(t, "double", `{"delay":"0s"}`)
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		record := rapid.StringMatching(`[-+]?[0-9]{1,40}(\.[0-9]{1,5})?(e[-+]?[0-9]{1,3})?`).Draw(t, "record")
		r, err := do(ctx, made, record)
		if err != nil {
			return // too large for a float
		}
		if !r.JSON || !json.Valid(r.Value) {
			t.Fatalf("got %s, JSON %t", r.Value, r.JSON)
		}
		got, ok := new(big.Float).SetPrec(200).SetString(string(r.Value))
		want, _ := new(big.Float).SetPrec(200).SetString(record)
		if want.Mul(want, big.NewFloat(2)); !ok || !near(got, want) {
			t.Fatalf("got %s of %s", r.Value, record)
		}
	})
}

// near says whether two numbers are equal as far as a float64 can tell.
func near(a, b *big.Float) bool {
	x, _ := a.Float64()
	y, _ := b.Float64()
	return x == y || x-y < 1e-300 && y-x < 1e-300
}

func TestDoubleWaitsASecondByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made, start := builtin(t, "double", ""), time.Now()
		if _, err := do(t.Context(), made, "1"); err != nil || time.Since(start) != time.Second {
			t.Errorf("it took %s, %v", time.Since(start), err)
		}
	})
}

func TestDoubleEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made, start := builtin(t, "double", `{"delay":"1h"}`), time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := do(ctx, made, "1")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("it took %s, %v", time.Since(start), err)
		}
	})
}
