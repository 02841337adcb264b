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
		"another's done":  {job.SignalChunkSealed, job.ChunkSealed{First: 0, Granted: 1, Processed: job.Processed{Ran: 8}}},
		"done, of a type": {job.SignalChunkSealed, "junk"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(80, newSpec(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes, s.Tuning.ChunkRecords = 8, 1, 8 }))
			w.takes = slowFirst
			w.busy = func(job.ProcessRequest) time.Duration { return time.Second }
			w.finished(t, w.first(t, alarm{time.Minute, func(env *testsuite.TestWorkflowEnvironment) { env.SignalWorkflow(tt.signal, tt.value) }}))
		})
	}
}

// TestAChunkThatIsDoneIsAppendedBeforeItEnds has the first chunk be done long before its slots are back: it is appended then, once, whatever it says at its end.
func TestAChunkThatIsDoneIsAppendedBeforeItEnds(t *testing.T) {
	const done, end = 10 * time.Second, time.Hour
	for _, order := range []job.Order{job.OrderInput, job.OrderCompletion} {
		t.Run(string(order), func(t *testing.T) {
			w := newWorld(80, newSpec(func(s *job.Spec) {
				s.Concurrency, s.Tuning.Lanes, s.Tuning.ChunkRecords, s.Order = 8, 2, 8, order
			}))
			w.takes = func(q job.ProcessRequest) time.Duration {
				if q.Chunk.First == 0 {
					return end
				}
				return time.Second
			}
			w.done = func(job.ProcessRequest) time.Duration { return end - done }
			appended := int64(-1)
			again := func(*testsuite.TestWorkflowEnvironment) {
				for id, l := range w.running {
					if l.First == 0 {
						w.tellDone(id)
					}
				}
			}
			w.finished(t, w.first(t,
				alarm{done + 5*time.Second, again},
				alarm{done + time.Minute, func(*testsuite.TestWorkflowEnvironment) {
					w.mu.Lock()
					defer w.mu.Unlock()
					appended = w.position.Records
				}},
			))
			if appended != 80 {
				t.Errorf("%d records were appended before the first chunk ended, want all 80", appended)
			}
		})
	}
}

// TestAChunkThatIsDoneAndDamagedIsNotRunBesideItself has the append find no whole segment of a chunk that said it is done: its own end brings it in order.
func TestAChunkThatIsDoneAndDamagedIsNotRunBesideItself(t *testing.T) {
	for _, order := range []job.Order{job.OrderInput, job.OrderCompletion} {
		t.Run(string(order), func(t *testing.T) {
			w := newWorld(40, newSpec(func(s *job.Spec) { s.Order = order }))
			w.takes = func(job.ProcessRequest) time.Duration { return time.Minute }
			w.finished(t, w.first(t, alarm{time.Second, func(env *testsuite.TestWorkflowEnvironment) {
				first := w.inFlight()[0]
				env.SignalWorkflow(job.SignalChunkSealed, job.ChunkSealed{
					First: first.First, Granted: first.granted, Processed: job.Processed{Bytes: 1, Ran: first.Records},
				})
			}}))
			if w.short != 1 {
				t.Errorf("%d appends met a segment that is not whole, want 1", w.short)
			}
		})
	}
}
