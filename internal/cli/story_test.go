package cli

import (
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
)

func TestTheCommandOnTheJobsPageHasNoSecrets(t *testing.T) {
	for name, c := range map[string]struct {
		args, want string
		left       bool
	}{
		"nothing secret":    {"run in --output out --http http://h/{{.}}", "longhaul run in --output out --http 'http://h/{{.}}'", false},
		"key of the server": {"run in --api-key k3y --output out", "longhaul run in --api-key '…' --output out", true},
		"key with =":        {"run in --api-key=k3y", "longhaul run in '--api-key=…'", true},
		"header":            {"run in --header X-Token:k3y --output out", "longhaul run in --header 'X-Token: …' --output out", true},
		"header, short":     {"run in -H Authorization:k3y", "longhaul run in -H 'Authorization: …'", true},
		"header with =":     {"run in --header=Cookie:k3y", "longhaul run in '--header=Cookie: …'", true},
		"harmless header":   {"run in --header Accept:text/plain", "longhaul run in --header Accept:text/plain", false},
		"password in a URL": {"run in --http http://me:k3y@h/", "longhaul run in --http http://me:…@h/", true},
		"the task's own":    {"run in -- tool --api-key x", "longhaul run in -- tool --api-key x", false},
	} {
		t.Run(name, func(t *testing.T) {
			line, left := commandOf("longhaul", strings.Fields(c.args))
			if line != c.want || left != c.left {
				t.Errorf("%s, left out %v; want %s, %v", line, left, c.want, c.left)
			}
		})
	}
}

func TestWhatTheServerTakesIsBounded(t *testing.T) {
	p := &Program{Name: "longhaul"}
	long := "/" + strings.Repeat("é/", 3_000) + "file"
	for name, s := range map[string]job.Spec{
		"short":      {Input: job.Paths{"/in"}, Output: "/out", Task: job.Task{Name: "echo"}},
		"long paths": {Input: job.Paths{long}, Output: long + ".out", Task: job.Task{Name: "echo"}},
		"many files": {Input: job.Paths(strings.Split(strings.Repeat(long+"|", 1_000), "|")), Output: long + ".out", Task: job.Task{Name: strings.Repeat("n", 500)}},
	} {
		t.Run(name, func(t *testing.T) {
			summary, details := summaryOf(s), p.detailsOf(s, []string{"run", long, long, long, long})
			if len(summary) > maxSummary || len(details) > maxDetails {
				t.Errorf("%d and %d bytes", len(summary), len(details))
			}
			if !strings.Contains(summary, "→") && name != "many files" || !strings.Contains(details, "| output | `/") {
				t.Errorf("%s\n%s", summary, details)
			}
		})
	}
}
