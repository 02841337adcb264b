package cli

import (
	"maps"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
)

func TestSearchAttributesOfAJob(t *testing.T) {
	for name, c := range map[string]struct {
		spec job.Spec
		want map[string]string
	}{
		"a job": {
			job.Spec{Input: job.Paths{"/data/*.csv", "/data/b"}, Output: "/data/out", Task: job.Task{Name: "http"}},
			map[string]string{"LonghaulInput": "/data/*.csv", "LonghaulOutput": "/data/out", "LonghaulTask": "http"},
		},
		"a retry is found by the output that it mends": {
			job.Spec{Input: job.Paths{"/data/out.longhaul/retry/in"}, Output: "/data/out.longhaul/retry/out", Task: job.Task{Name: "exec"}, Patch: &job.Patch{Output: "/data/out"}},
			map[string]string{"LonghaulOutput": "/data/out", "LonghaulTask": "exec"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := attributesOf(c.spec)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, key := range attributes {
				if v, ok := set.GetKeyword(key); ok {
					got[key.GetName()] = v
				}
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestSearchAttributesThatAreTooLongAreRefused(t *testing.T) {
	s := job.Spec{Input: job.Paths{"/data/in"}, Output: "/" + strings.Repeat("x", maxKeyword-1), Task: job.Task{Name: "http"}}
	if _, err := attributesOf(s); err != nil {
		t.Errorf("of %d bytes: %v", maxKeyword, err)
	}
	s.Output += "x"
	if _, err := attributesOf(s); err == nil || !strings.Contains(err.Error(), "LonghaulOutput: 256 bytes, where 255 are the most") {
		t.Errorf("of %d bytes: %v", maxKeyword+1, err)
	}
}
