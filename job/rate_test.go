package job

import (
	"strings"
	"testing"
)

func TestRateIsANumberAUnit(t *testing.T) {
	for rate, want := range map[Rate]float64{
		"": 0, "100/s": 100, "30/m": 0.5, "1/h": 1.0 / 3600, "0.5/s": 0.5, "1000000/s": 1e6, "36/h": 0.01, "1e3/s": 1000,
	} {
		if got := rate.PerSecond(); got != want || rate.Validate() != nil {
			t.Errorf("%q: %v, %v; want %v", rate, got, rate.Validate(), want)
		}
	}
}

func TestRateThatIsNoneIsRefused(t *testing.T) {
	for rate, want := range map[string]string{
		"100": "is no rate such as", "100/d": "is no rate such as", "/s": "is no rate such as", "s": "is no rate such as", "100/s/s": "is no rate such as",
		"0/s": "is not within 1/h to 1000000/s", "-1/s": "is not within", "1000001/s": "is not within", "0.9/h": "is not within", "NaN/s": "is not within", "Inf/s": "is not within",
	} {
		_, err := ParseSpec([]byte(specJSON(`,"rate":"` + rate + `"`)))
		if KindOf(err) != InvalidSpec || !strings.HasPrefix(err.Error(), "spec: rate: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", rate, err, want)
		}
	}
}

func TestBurstIsASecondsWorthByDefault(t *testing.T) {
	for more, want := range map[string]int{
		``: 0, `,"rate":"100/s"`: 100, `,"rate":"1/m"`: 1, `,"rate":"2.5/s"`: 3, `,"rate":"100/s","burst":7`: 7, `,"rate":"1000000/s"`: MaxBurst,
	} {
		if s, err := ParseSpec([]byte(specJSON(more))); err != nil || s.Burst != want {
			t.Errorf("%s: %d, %v; want %d", more, s.Burst, err, want)
		}
	}
}
