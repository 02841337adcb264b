package job

import (
	"strings"
	"testing"
)

func TestARetryNamesItsOutputAndItsJob(t *testing.T) {
	for patch, want := range map[string]string{
		`{"output":"/out2","job":"j","json":true}`: "",
		`{"job":"j"}`:                  "patch.output: missing",
		`{"output":"out2","job":"j"}`:  `patch.output: "out2" is not an absolute path`,
		`{"output":"/out2"}`:           "patch.job: missing",
		`{"output":"/out2","jobs":""}`: `unknown field "jobs"`,
	} {
		s, err := ParseSpec([]byte(specJSON(`,"patch":` + patch)))
		switch {
		case want == "" && (err != nil || *s.Patch != Patch{Output: "/out2", Job: "j", JSON: true}):
			t.Errorf("%s: %+v, %v", patch, s.Patch, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", patch, err, want)
		}
	}
}
