package crash

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/longhaul/longhaul/tests/harness"
)

// checkRecords checks an output of the format record in the order of completion: each record stands there once, with its own answer, and so do the
// errors lines.
func (f *field) checkRecords(records int, errs string) {
	seen := make([]int, records)
	for line := range strings.Lines(string(f.Read("out"))) {
		var e struct {
			Record        int
			Input, Output string
			Error         *string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Record < 0 || e.Record >= records {
			f.T.Fatalf("line %q: %v", line, err)
		}
		seen[e.Record]++
		r := strconv.Itoa(e.Record + 1)
		if bad := refuses(r); e.Input != r || bad != (e.Error != nil) || !bad && e.Output != harness.Answer(r) {
			f.T.Errorf("record %d has the line %s", e.Record, line)
		}
	}
	for i, n := range seen {
		if n != 1 {
			f.T.Errorf("record %d has %d lines", i, n)
		}
	}
	got, want := slices.Sorted(strings.Lines(string(f.Read("out.longhaul/errors.jsonl")))), slices.Sorted(strings.Lines(errs))
	if !slices.Equal(got, want) {
		f.T.Errorf("errors %q, want %q", got, want)
	}
}
