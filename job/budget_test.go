package job

import (
	"strings"
	"testing"
)

func TestBudgetIsExceededByOneTooMany(t *testing.T) {
	for name, c := range map[string]struct {
		budget       Budget
		failed, done int64
		want         bool
	}{
		"none that failed":              {"0", 0, 1000, false},
		"the first, of none":            {"0", 1, 1, true},
		"as many as may":                {"5", 5, 6, false},
		"one more":                      {"5", 6, 6, true},
		"a part, before 100 are done":   {"10%", 99, 99, false},
		"a part, when 100 are done":     {"10%", 11, 100, true},
		"just that part":                {"10%", 10, 100, false},
		"a part of a percent":           {"0.5%", 6, 1000, true},
		"just that part of a percent":   {"0.5%", 5, 1000, false},
		"no part of them":               {"0%", 1, 100, true},
		"all of them":                   {"100%", 1000, 1000, false},
		"as of an older spec, no bound": {"", 1000, 1000, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.budget.Exceeded(c.failed, c.done); got != c.want {
				t.Errorf("%q, %d of %d: %v", c.budget, c.failed, c.done, got)
			}
		})
	}
}

func TestBudgetInASpec(t *testing.T) {
	for given, want := range map[string]Budget{
		``:                         "10%",
		`,"maxFailures":0`:         "0",
		`,"maxFailures":"0"`:       "0",
		`,"maxFailures":250`:       "250",
		`,"maxFailures":"250"`:     "250",
		`,"maxFailures":"12.5%"`:   "12.5%",
		`,"maxFailures":"100%"`:    "100%",
		`,"maxFailures":` + `1e0`:  "error: maxFailures: \"1e0\" is neither a number of records",
		`,"maxFailures":-1`:        "error: maxFailures: \"-1\" is neither a number of records",
		`,"maxFailures":1.5`:       "error: maxFailures: \"1.5\" is neither a number of records",
		`,"maxFailures":"101%"`:    "error: maxFailures: \"101%\" is no part of the records",
		`,"maxFailures":"-1%"`:     "error: maxFailures: \"-1%\" is no part of the records",
		`,"maxFailures":"NaN%"`:    "error: maxFailures: \"NaN%\" is no part of the records",
		`,"maxFailures":"%"`:       "error: maxFailures: \"%\" is no part of the records",
		`,"maxFailures":"some"`:    "error: maxFailures: \"some\" is neither a number of records",
		`,"maxFailures":` + big(1): "error: maxFailures: \"1152921504606846977\" is neither a number of records from 0 to 1152921504606846976",
		`,"maxFailures":` + big(0): Budget(big(0)),
		`,"maxFailures":{"a":1}`:   "error: maxFailures: a JSON {\"a\":1} does not fit",
		`,"maxFailures":true`:      "error: maxFailures: a JSON true does not fit",
	} {
		t.Run(given, func(t *testing.T) {
			s, err := ParseSpec([]byte(specJSON(given)))
			if msg, bad := strings.CutPrefix(string(want), "error: "); bad {
				if KindOf(err) != InvalidSpec || !strings.HasPrefix(err.Error(), "spec: "+msg) {
					t.Errorf("got %v, want %s", err, msg)
				}
			} else if err != nil || s.MaxFailures != want {
				t.Errorf("got %q, %v; want %q", s.MaxFailures, err, want)
			}
		})
	}
}

func big(more int64) string {
	return map[int64]string{0: "1152921504606846976", 1: "1152921504606846977"}[more]
}
