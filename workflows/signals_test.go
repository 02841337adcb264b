package workflows_test

import (
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/longhaul/longhaul/job"
)

// TestSignalsThatMakeNoSenseAreIgnored sends what anybody may send by hand while a job runs: it goes on to its end.
func TestSignalsThatMakeNoSenseAreIgnored(t *testing.T) {
	for name, tt := range map[string]struct {
		signal string
		value  any
	}{
		"another type":    {job.SignalSlotsReturned, "junk"},
		"a list":          {job.SignalSlotsReturned, []int{1, 2}},
		"nothing":         {job.SignalSlotsReturned, nil},
		"unknown fields":  {job.SignalSlotsReturned, map[string]any{"chunk": 1}},
		"an unknown name": {"nonsense", 5},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(80, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes, s.Tuning.ChunkRecords = 8, 1, 8 }))
			w.takes = slowFirst
			w.busy = func(job.ProcessRequest) time.Duration { return time.Second }
			w.finished(t, w.first(t, alarm{time.Minute, func(env *testsuite.TestWorkflowEnvironment) { env.SignalWorkflow(tt.signal, tt.value) }}))
		})
	}
}
