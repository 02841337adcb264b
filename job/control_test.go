package job_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
)

func TestASettingChangesWhatItNames(t *testing.T) {
	begin := job.Control{Concurrency: 64}
	rated := job.Control{Concurrency: 8, Rate: "100/s", Burst: 7, Paused: true}
	for name, c := range map[string]struct {
		from    job.Control
		setting string
		want    job.Control
	}{
		"the cap":                     {begin, `{"concurrency":10}`, job.Control{Concurrency: 10}},
		"the cap alone":               {rated, `{"concurrency":1}`, job.Control{Concurrency: 1, Rate: "100/s", Burst: 7, Paused: true}},
		"a rate, with its burst":      {begin, `{"rate":"30/s"}`, job.Control{Concurrency: 64, Rate: "30/s", Burst: 30}},
		"a slow rate":                 {begin, `{"rate":"5/h"}`, job.Control{Concurrency: 64, Rate: "5/h", Burst: 1}},
		"a rate and a burst":          {rated, `{"rate":"30/m","burst":3}`, job.Control{Concurrency: 8, Rate: "30/m", Burst: 3, Paused: true}},
		"the burst alone":             {rated, `{"burst":1}`, job.Control{Concurrency: 8, Rate: "100/s", Burst: 1, Paused: true}},
		"no rate":                     {rated, `{"rate":"none"}`, job.Control{Concurrency: 8, Paused: true}},
		"no rate, as it is in a Spec": {rated, `{"rate":""}`, job.Control{Concurrency: 8, Paused: true}},
		"all":                         {begin, `{"concurrency":100000,"rate":"1000000/s","burst":1000000}`, job.Control{Concurrency: 100_000, Rate: "1000000/s", Burst: 1_000_000}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := job.ParseSetting([]byte(c.setting))
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Apply(c.from)
			if err != nil || got != c.want {
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			}
			spec := job.Spec{Rate: "9/s", Burst: 2, Output: "/out"}.Controlled(got)
			if spec.Output != "/out" || spec.Control() != (job.Control{Concurrency: c.want.Concurrency, Rate: c.want.Rate, Burst: c.want.Burst}) {
				t.Errorf("a Spec becomes %+v", spec)
			}
		})
	}
}

func TestASettingIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ setting, want string }{
		"nothing named":      {`{}`, `set: nothing to set (name "concurrency", "rate" or "burst")`},
		"no cap":             {`{"concurrency":0}`, "set: concurrency: 0 is not within 1 to 100000"},
		"a cap too large":    {`{"concurrency":100001}`, "set: concurrency: 100001 is not within 1 to 100000"},
		"no rate at all":     {`{"rate":"fast"}`, `set: rate: "fast" is no rate such as "100/s", "30/m" or "5/h"`},
		"too slow":           {`{"rate":"0/s"}`, "set: rate: 0/s is not within 1/h to 1000000/s"},
		"a burst of none":    {`{"rate":"1/s","burst":0}`, "set: burst: 0 is not within 1 to 1000000"},
		"a burst alone":      {`{"burst":5}`, "set: burst: there is no rate that it could belong to"},
		"an unknown field":   {`{"concurency":5}`, `set: unknown field "concurency"`},
		"another type":       {`{"concurrency":"5"}`, "set: concurrency: a JSON string does not fit (want int)"},
		"no object":          {`5`, "set: a JSON number does not fit (want an object)"},
		"nothing":            {``, "set: not JSON: it ends too early"},
		"more than one":      {`{"burst":1}{}`, "set: more than one JSON value"},
		"a cap that is half": {`{"concurrency":1.5}`, "set: concurrency: a JSON number 1.5 does not fit (want int)"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := job.ParseSetting([]byte(c.setting))
			if err == nil {
				_, err = s.Apply(job.Control{Concurrency: 64})
			}
			var e *job.Error
			if !errors.As(err, &e) || e.Kind != job.InvalidSpec || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestAControlInWords(t *testing.T) {
	for want, c := range map[string]job.Control{
		"64 in flight at most":                                {Concurrency: 64},
		"8 in flight at most, 30/s with a burst of 7, paused": {Concurrency: 8, Rate: "30/s", Burst: 7, Paused: true},
	} {
		if got := c.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if b, err := json.Marshal(job.Control{Concurrency: 1}); err != nil || string(b) != `{"paused":false,"concurrency":1}` {
		t.Errorf("%s, %v", b, err)
	}
}
