package activities

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/longhaul/longhaul/job"
)

// progress is what the heartbeats tell; a nil run has not begun.
func (r *chunkRun) progress() job.Heartbeat {
	if r == nil {
		return job.Heartbeat{}
	}
	s := r.segment.Summary()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ahead != nil {
		return job.Heartbeat{} // the workflow counts these records
	}
	h := job.Heartbeat{Done: r.chunk.Records - r.left, Failed: s.Failed, InFlight: max(0, r.inFlight-int(r.resting.Load()))}
	h.Slowest = r.slowest(time.Now())
	if err := r.shared.asked.trouble(); err != nil && r.revision.Load() == unasked {
		h.Trouble = "it waits to be told its slots: " + oneLine(err)
	}
	for _, err := range r.starved {
		h.Trouble = starved(err)
		break
	}
	return h
}

// firstMissing is the first record of a chunk that is not in the segment, as it was last looked at.
type firstMissing struct {
	index int
	since time.Time // when it was first seen to be that one
}

// slowest tells of the first unfinished record; nil where there is none.
func (r *chunkRun) slowest(now time.Time) *job.Slowest {
	if r.left == 0 {
		return nil
	}
	index := r.segment.FirstMissing(r.first.index)
	if index == r.chunk.Records {
		return nil
	}
	if index != r.first.index || r.first.since.IsZero() {
		r.first = firstMissing{index, now}
	}
	at := r.chunk.First + int64(index)
	return &job.Slowest{
		Index: at, Record: r.spec.Number(at), Seconds: int64(now.Sub(r.first.since).Seconds()), Cause: oneLine(r.cause(index)),
	}
}

// cause is why the record's last try failed, where it waits for the next one.
func (r *chunkRun) cause(index int) error {
	for a, err := range r.starved {
		if a.index == index {
			return err
		}
	}
	for a := range r.backoff {
		if a.index == index {
			return a.err
		}
	}
	for _, waiting := range [][]*attempt{r.due, r.held} {
		for _, a := range waiting {
			if a.index == index {
				return a.err
			}
		}
	}
	return nil
}

// maxCause bounds what a heartbeat carries of an error, in bytes.
const maxCause = 200

// oneLine is the beginning of an error's text, in one line.
func oneLine(err error) string {
	if err == nil {
		return ""
	}
	t := strings.Join(strings.Fields(strings.ToValidUTF8(err.Error(), "\uFFFD")), " ")
	if len(t) <= maxCause {
		return t
	}
	end := maxCause
	for !utf8.RuneStart(t[end]) {
		end--
	}
	return t[:end] + "…"
}
