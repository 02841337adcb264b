package workflows_test

import (
	"testing"

	"github.com/longhaul/longhaul/job"
)

func TestEveryRecordIsAppendedOnceWhateverTheSizeOfTheInput(t *testing.T) {
	for name, tt := range map[string]struct {
		records int64
		chunk   int
	}{
		"empty input":                  {0, 10},
		"one record":                   {1, 10},
		"as many as one lane's share":  {4, 10},
		"one chunk":                    {10, 10},
		"one record more than a chunk": {11, 10},
		"chunks of one record":         {100, 1},
		"many chunks":                  {5000, 10},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(tt.records, newSpec(func(s *job.Spec) { s.Tuning.ChunkRecords = tt.chunk }))
			w.finished(t, w.finish(t))
		})
	}
}

func TestAnEmptyInputIsOneFinalAppend(t *testing.T) {
	w := newWorld(0, newSpec(func(*job.Spec) {}))
	w.finished(t, w.first(t))
	if n := w.count(job.ActivityProcessChunk); n != 0 {
		t.Errorf("%d chunks of an empty input", n)
	}
	q := requests[job.AppendRequest](w)
	if len(q) != 1 || !q[0].Final || len(q[0].Chunks) != 0 {
		t.Errorf("appends %+v, want a final one without chunks", q)
	}
}

func TestOnlyTheLastAppendIsFinal(t *testing.T) {
	w := newWorld(100, newSpec(func(s *job.Spec) { s.Tuning.ChunkRecords = 5 }))
	w.finished(t, w.first(t))
	q := requests[job.AppendRequest](w)
	for i, a := range q {
		if a.Final != (i == len(q)-1) {
			t.Errorf("append %d of %d: final is %v", i, len(q), a.Final)
		}
		if a.Output != w.spec.Output || a.Format != w.spec.Format {
			t.Errorf("append %d goes to %s as %s", i, a.Output, a.Format)
		}
	}
}

func TestAppendsAreBounded(t *testing.T) {
	// Everything but the first chunk is ready at once.
	w := newWorld(1000, newSpec(func(s *job.Spec) { s.Tuning.ChunkRecords, s.Concurrency, s.Tuning.ActivitiesPerRun = 1, 50, 2000 }))
	w.takes = slowFirst
	w.finished(t, w.finish(t))
	most := 0
	for _, q := range requests[job.AppendRequest](w) {
		most = max(most, len(q.Chunks))
	}
	if most != 256 {
		t.Errorf("the largest append has %d chunks, want the bound of 256", most)
	}
}

func TestAppendsAreBoundedByBytesToo(t *testing.T) {
	w := newWorld(100, newSpec(func(*job.Spec) {}))
	for i := range int64(10) {
		s := sealed(10*i, 10)
		s.Bytes = 400 << 20
		w.left(s)
	}
	w.finished(t, w.first(t))
	for _, q := range requests[job.AppendRequest](w) {
		if len(q.Chunks) > 3 { // the third reaches beyond a GiB
			t.Errorf("an append of %d chunks of 400 MiB", len(q.Chunks))
		}
	}
}

func TestACompleteOutputIsAlreadyDone(t *testing.T) {
	w := newWorld(7, newSpec(func(*job.Spec) {}))
	w.position, w.complete = at(7), true
	r := w.first(t)
	if r.err != nil || !r.AlreadyDone || r.Records != 7 || r.OutputDigest != digest(7) {
		t.Errorf("summary %+v, error %v", r.Summary, r.err)
	}
	if len(w.calls) != 1 {
		t.Errorf("%d activities for a job that is done, want Prepare only", len(w.calls))
	}
}

func TestAJobThatEndedOverTwoRunsIsNotAlreadyDone(t *testing.T) {
	w := newWorld(7, newSpec(func(*job.Spec) {}))
	r := w.first(t)
	w.finished(t, r)
	if r.AlreadyDone {
		t.Error("a first run that did the work says that it was done before")
	}
	carried := r.carried
	carried.Runs = 1
	if r = w.once(t, mustJSON(t, w.spec), carried); !r.complete(w) || r.AlreadyDone {
		t.Errorf("a second run that finds the output complete: %v", r)
	}
}

func TestTheSummaryNamesTheErrorsFileWhereRecordsFailed(t *testing.T) {
	w := newWorld(40, newSpec(func(s *job.Spec) { s.Tuning.ChunkRecords = 10 }))
	w.failed = func(c job.Chunk) int64 { return int64(c.Records / 2) }
	r := w.first(t)
	w.finished(t, r)
	if r.Failed != w.totals.Failed || r.Failed == 0 || r.Errors != job.ErrorsPath(w.spec.Output) {
		t.Errorf("%d failed, errors in %q", r.Failed, r.Errors)
	}
	w = newWorld(40, w.spec)
	if r = w.first(t); r.Errors != "" {
		t.Errorf("errors file %q named though none failed", r.Errors)
	}
}

func (r result) complete(w *world) bool { return r.err == nil && r.Records == w.records }
