package workflows

import (
	"testing"

	"github.com/longhaul/longhaul/job"
)

func TestWhatIsCommittedAheadIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		spans int
		first int64
		want  bool
	}{
		"some":                        {maxSpans - 1, 10, true},
		"as many as there may be":     {maxSpans, 10, false},
		"the chunk at the position":   {maxSpans, 5, true},
		"none, as in the input's own": {0, 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			at := coordinator{spec: newRated(job.Spec{}.WithDefaults()), position: job.Position{Records: 5}, ahead: make(job.Ahead, c.spans)}
			if got := at.windowAllows(job.Chunk{First: c.first}); got != c.want {
				t.Errorf("%v", got)
			}
		})
	}
}
