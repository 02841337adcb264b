package activities

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/longhaul/longhaul/internal/metrics"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/segment"
)

// What the activities tell of their work: to whom asks for the metrics, and to the workflow.

// told is how much of a chunk the metrics have.
type told struct{ succeeded, failed, retries, starved int64 }

// begin leaves out what earlier attempts at the chunk did.
func (r *chunkRun) begin() {
	done, s := r.chunk.Records-r.segment.Missing(), r.segment.Summary()
	r.told.succeeded, r.told.failed = int64(done)-s.Failed, s.Failed
}

// tell adds to the metrics what was done since it was called last. The chunk's own goroutine calls it, now and then: a number a record would be too often.
func (r *chunkRun) tell() {
	n := r.shared.numbers
	if n == nil {
		return
	}
	done := int64(r.chunk.Records - r.segment.Missing()) // before the failures: of those there may be more by then, and a counter must not fall
	failed := r.segment.Summary().Failed
	r.mu.Lock()
	retries, starved := r.retries, r.starving
	r.mu.Unlock()
	if succeeded := done - failed; succeeded > r.told.succeeded {
		n.Succeeded.Add(succeeded - r.told.succeeded)
		r.told.succeeded = succeeded
	}
	n.Failed.Add(failed - r.told.failed)
	n.Retries.Add(retries - r.told.retries)
	n.Starved.Add(starved - r.told.starved)
	r.told.failed, r.told.retries, r.told.starved = failed, retries, starved
}

// tellOutage adds that the attempt ended since the far side seems to be down.
func (r *chunkRun) tellOutage() {
	if n := r.shared.numbers; n != nil {
		n.Outages.Add(1)
	}
}

// tellSealed adds a chunk that is finished. A nil run found it so.
func (r *chunkRun) tellSealed() {
	if r == nil || r.shared.numbers == nil {
		return
	}
	r.shared.numbers.Chunks.Add(1)
	r.shared.numbers.InputBytes.Add(r.chunk.Length)
}

// tellCommitted adds what an append committed.
func (a *Activities) tellCommitted(m output.Manifest, q job.AppendRequest) {
	n := a.Metrics.Task(m.Spec.Task)
	if n == nil {
		return
	}
	for _, c := range q.Chunks {
		n.Committed.Add(int64(c.Records))
	}
	n.OutputBytes.Add(m.Position.OutputBytes - q.From.OutputBytes)
}

// countRetry counts a try that failed and that another will follow.
func (r *chunkRun) countRetry() {
	r.mu.Lock()
	r.retries++
	r.mu.Unlock()
}

// tellTry adds a try that took so long.
func (r *chunkRun) tellTry(took time.Duration) {
	if n := r.shared.numbers; n != nil && took > 0 {
		n.Latency.Observe(took)
	}
}

// tellTries adds the tries of a batch.
func (r *chunkRun) tellTries(c *metrics.Counts) {
	if n := r.shared.numbers; n != nil {
		n.Latency.Add(c)
	}
}

// tellLong takes note of a record that has taken long, if none took longer. The caller holds the record.
func (r *chunkRun) tellLong(a *attempt) {
	mine := &job.Longest{Record: a.record.Number, Micros: a.spent.Microseconds(), Tries: a.record.Try}
	for {
		s := r.longest.Load()
		if s != nil && s.Micros >= mine.Micros || r.longest.CompareAndSwap(s, mine) {
			return
		}
	}
}

// failedRecord is a record that failed for good.
type failedRecord struct {
	number int64
	cause  error
}

// remarkable tells the workflow of the records that stand out. A nil run had none.
func (r *chunkRun) remarkable(p *job.Processed) {
	if r == nil {
		return
	}
	p.Longest = r.longest.Load()
	if f := r.failure.Load(); f != nil {
		p.Failure = &job.Failure{Record: f.number, Error: firstWords(f.cause.Error(), job.MaxFailureText)}
	}
}

// longEnough is how long a record takes at least that is worth telling of.
const longEnough = time.Second

// firstWords returns the beginning of a text, on one line, n bytes at most.
func firstWords(text string, n int) string {
	const more = "…"
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
	if len(text) <= n {
		return text
	}
	cut := n - len(more)
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + more
}

// Jobs tells how the jobs stand that have chunks on this worker, for the metrics.
func (a *Activities) Jobs() []metrics.Job {
	a.mu.Lock()
	outputs := map[string]string{}
	jobs := map[string]*metrics.Job{}
	for _, r := range a.jobs {
		j := jobs[r.id]
		if j == nil {
			j = &metrics.Job{ID: r.id}
			jobs[r.id], outputs[r.id] = j, r.output
		}
		used, granted := r.pool.Used()
		j.Chunks, j.Used, j.Granted = j.Chunks+r.users, j.Used+used, j.Granted+granted
	}
	a.mu.Unlock()
	var all []metrics.Job
	for id, j := range jobs {
		a.ahead(outputs[id], j)
		all = append(all, *j)
	}
	return all
}

// ahead reads from the disk how far an output is, and what waits for its turn there. It is the truth, whichever workers did the work; and it is read
// only when somebody asks.
func (a *Activities) ahead(path string, j *metrics.Job) {
	out := a.output(path)
	m, err := out.Load()
	if err != nil {
		return
	}
	segments, _, err := segment.List(a.fs(), out.Segments(), segment.Generation(m.GenerationBytes()), m.Position.Records)
	if err != nil {
		return
	}
	j.Position, j.Known = m.Position.Records, true
	for _, s := range segments {
		if s.Sealed && !m.Committed(s.Chunk) {
			j.AheadRecords += int64(s.Records)
			j.AheadChunks++
			j.AheadBytes += s.Bytes
		}
	}
}
