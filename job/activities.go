package job

import (
	"context"
	"encoding/json"
	"time"
)

// Names that are part of the protocol between starters, workflows and workers. They never change.
const (
	// WorkflowType is the type name of the workflow.
	WorkflowType = "Map"
	// WorkflowCall is the type name of the workflow by which the task activity has an activity run once.
	WorkflowCall = "CallActivity"
	// TaskQueue serves the workflow and every activity but ProcessChunk, on machines that have the files.
	TaskQueue = "longhaul"
	// TaskQueueIO serves ProcessChunk, on as many machines as the tasks need.
	TaskQueueIO = "longhaul-io"
	// QueryProgress answers a Progress.
	QueryProgress = "progress"
	// QueryTargets answers the Targets that have changed since a revision, for the job's own chunks.
	QueryTargets = "targets"
	// UpdatePause, UpdateResume and UpdateSet are updates, which answer a Control, and signals. Only UpdateSet has an argument, a Setting.
	UpdatePause  = "pause"
	UpdateResume = "resume"
	UpdateSet    = "set"
	// MemoDetails is the workflow's memo with what a job's page says of it from the start on, in Markdown: Temporal keeps a memo over continued runs,
	// but no static details.
	MemoDetails = "details"
	// SignalSlotsReturned carries a SlotsReturned from a running ProcessChunk to its workflow.
	SignalSlotsReturned = "slotsReturned"
	// SignalChunkSealed carries a ChunkSealed from a ProcessChunk whose slots are lent to slow tasks, so that it cannot end yet.
	SignalChunkSealed = "chunkSealed"

	ActivityPrepare      = "Prepare"
	ActivityListChunks   = "ListChunks"
	ActivityProcessChunk = "ProcessChunk"
	ActivityAppendOutput = "AppendOutput"
	ActivityPatchOutput  = "PatchOutput"
)

// WorkflowTaskTimeout is for how long the server waits for a worker that has taken a workflow task. A job goes on that much later where the worker died with
// one, since nothing else tells the server so; a task takes milliseconds. After the third attempt the server gives each more time, so that one which
// needs more, as when a long history is replayed on a busy machine, is done all the same.
const WorkflowTaskTimeout = 2 * time.Second

// Activities is every side effect of a job. Errors are *Error, translated for Temporal where the activities return.
type Activities interface {
	// Prepare checks the Spec, the input and the output, claims the output for the calling run, and answers where it stands.
	Prepare(context.Context, PrepareRequest) (Prepared, error)
	// ListChunks finds the next chunk boundaries in the input.
	ListChunks(context.Context, ListRequest) (Page, error)
	// ProcessChunk runs the task for each record of a chunk and seals the chunk's segment.
	ProcessChunk(context.Context, ProcessRequest) (Processed, error)
	// AppendOutput writes segments to the output at a position and moves the position.
	AppendOutput(context.Context, AppendRequest) (Appended, error)
	// PatchOutput puts the results of a retry into their places.
	PatchOutput(context.Context, PatchRequest) (Patched, error)
}

// CallRequest is the argument of the workflow WorkflowCall.
type CallRequest struct {
	// Activity is the activity's type name, Queue the task queue of its worker.
	Activity string `json:"activity"`
	Queue    string `json:"queue"`
	// Input is its one argument.
	Input json.RawMessage `json:"input"`
	// Timeout bounds all of it, from being scheduled on.
	Timeout Duration `json:"timeout"`
}

// PrepareRequest asks where the output stands.
type PrepareRequest struct {
	Spec Spec `json:"spec"`
	// FirstRunID identifies the job over its continued and reset runs: with Spec.Overwrite the output is emptied once for it.
	FirstRunID string `json:"firstRunId"`
}

// Prepared is where the output stands and what of a former run can be used again.
type Prepared struct {
	Position Position `json:"position"`
	Totals   Totals   `json:"totals"`
	// Complete says that the whole input is answered already.
	Complete bool `json:"complete,omitempty"`
	// InputBytes is the size of the input.
	InputBytes int64 `json:"inputBytes"`
	// Segments that a former run left beyond the position, and what it committed there, in order, none overlapping another.
	Segments []Segment `json:"segments,omitempty"`
	// OutputDigest is the SHA-256 of the committed output, in hex.
	OutputDigest string `json:"outputDigest,omitempty"`
	// MaxConcurrency is the most that the job's concurrency may be set to; 0 is no ceiling of the worker's.
	MaxConcurrency int `json:"maxConcurrency,omitempty"`
}

// Segment is what is on disk of a chunk.
type Segment struct {
	Chunk
	// Sealed says that every record has its result; otherwise ProcessChunk goes on with it.
	Sealed bool `json:"sealed,omitempty"`
	// Bytes on disk.
	Bytes int64 `json:"bytes"`
	// Failed records in a sealed segment.
	Failed int64 `json:"failed,omitempty"`
	// Committed says that there is no segment any more: these records are answered ahead of the position, in the order of completion.
	Committed bool `json:"committed,omitempty"`
}

// ListRequest asks for chunk boundaries in the input of Output, as its manifest tells of it, from Record on.
type ListRequest struct {
	Output string `json:"output"`
	Record int64  `json:"record"`
	// Offset is where the record before Record ends or, where AtRecord is set, where Record begins: between them there may be records that are not taken.
	Offset   int64 `json:"offset"`
	AtRecord bool  `json:"atRecord,omitempty"`
	// Until is a byte offset at which a record begins and the listing must stop; 0 means the end of the input.
	Until int64 `json:"until,omitempty"`
	// Chunks is how many chunks to list at most.
	Chunks int `json:"chunks"`
	// Records and Bytes bound each chunk; the record that reaches Bytes is the chunk's last.
	Records int   `json:"records"`
	Bytes   int64 `json:"bytes"`
	// StartRecords, where it is not 0, bounds the first chunk's records; each later one may have twice as many as the one before, up to
	// Records: for a job whose pace is not known yet.
	StartRecords int `json:"startRecords,omitempty"`
	// Taper is over how many chunks the rest of the input should at least be spread, where it is too little for that many
	// full ones, so that lanes end together.
	Taper int `json:"taper,omitempty"`
	// MinRecords is the size below which Taper does not shrink a chunk.
	MinRecords int `json:"minRecords,omitempty"`
}

// Page is consecutive chunks of the input.
type Page struct {
	Chunks []Chunk `json:"chunks"`
	// End says that the listing reached the input's end.
	End bool `json:"end,omitempty"`
}

// ProcessRequest asks for a chunk's results.
type ProcessRequest struct {
	Spec  Spec  `json:"spec"`
	Chunk Chunk `json:"chunk"`
	// Slots is how many tasks the chunk may add to those in flight.
	Slots int `json:"slots"`
	// Granted is when, in nanoseconds of the Unix epoch by the workflow's clock: it tells this grant from others for the same chunk.
	Granted int64 `json:"granted"`
	// Rate is the chunk's share of the job's rate; nil where that has no bound.
	Rate *RateShare `json:"rate,omitempty"`
	// HeedsSealed says that the workflow that asks heeds SignalChunkSealed: an older one must not have it in its history.
	HeedsSealed bool `json:"heedsSealed,omitempty"`
}

// Processed says that a chunk's segment is sealed, or that the output has passed the chunk.
type Processed struct {
	// Committed says that the output stands at or beyond the chunk's end already: there is no segment.
	Committed bool  `json:"committed,omitempty"`
	Failed    int64 `json:"failed,omitempty"`
	// Bytes of the segment.
	Bytes int64 `json:"bytes,omitempty"`
	// TaskMicros is the time spent in the chunk's tries, in microseconds.
	TaskMicros int64 `json:"taskMicros,omitempty"`
	// Ran is how many records this attempt ran; the others were found in the segment.
	Ran int `json:"ran,omitempty"`
	// ElapsedMicros is how long the attempt took, in microseconds; 0 where it is not told.
	ElapsedMicros int64 `json:"elapsedMicros,omitempty"`
	// Tokens is what its share of the rate had saved up at the end.
	Tokens float64 `json:"tokens,omitempty"`
	// Longest is the record among them whose tries took longest, where that is long enough to tell of.
	Longest *Longest `json:"longest,omitempty"`
	// Failure is the last of them that failed.
	Failure *Failure `json:"failure,omitempty"`
}

// Longest is a record that took longer than the others.
type Longest struct {
	// Record is its number in the input, Micros the time spent in its tries, in microseconds.
	Record int64 `json:"record"`
	Micros int64 `json:"micros"`
	Tries  int   `json:"tries"`
}

// Failure is a record that failed.
type Failure struct {
	// Record is its number in the input, Error the beginning of why, on one line: MaxFailureText bytes at most.
	Record int64  `json:"record"`
	Error  string `json:"error"`
}

// MaxFailureText bounds Failure.Error in bytes.
const MaxFailureText = 300

// AppendRequest asks for the next segments to be committed.
type AppendRequest struct {
	Output string `json:"output"`
	Format Format `json:"format"`
	// From is the position at which the workflow believes the output to stand.
	From Position `json:"from"`
	// Chunks whose segments follow From, in order. In the order of completion they lie anywhere beyond it.
	Chunks []Chunk `json:"chunks,omitempty"`
	// Answered is set in the order of completion: how many records the workflow believes to be committed, ahead of From too.
	Answered int64 `json:"answered,omitempty"`
	// Final says that they end the input.
	Final bool `json:"final,omitempty"`
	// MaxFailures bounds the failed records of the output: the append stops with an error of kind TooManyFailures before the chunk that exceeds it.
	MaxFailures Budget `json:"maxFailures,omitempty"`
	// Stop has the append end with that error in any case.
	Stop *Stop `json:"stop,omitempty"`
}

// Stop is why a job stops for its failure budget before the output has come to the chunks that exceed it.
type Stop struct {
	// Failed of Records that are done, not all of them committed.
	Failed  int64 `json:"failed"`
	Records int64 `json:"records"`
	// Chunks, some of those with failures.
	Chunks []Chunk `json:"chunks"`
}

// Appended is where the output stands now: beyond the request's chunks where that append happened before, short of their end where
// a segment was missing or damaged and its chunk must be processed again.
type Appended struct {
	Position     Position `json:"position"`
	Totals       Totals   `json:"totals"`
	OutputDigest string   `json:"outputDigest,omitempty"`
	// Complete says that the whole input is answered.
	Complete bool `json:"complete,omitempty"`
	// Taken and Further are set in the order of completion: how many of the request's chunks, from the first on, are committed, and whether
	// more is than they and what the workflow believed.
	Taken   int  `json:"taken,omitempty"`
	Further bool `json:"further,omitempty"`
}

// SlotsReturned says that the chunk that begins at First goes on with Keep slots and gives back the rest.
type SlotsReturned struct {
	First int64 `json:"first"`
	// Granted is that of the ProcessRequest: a reset of the workflow delivers signals of the run before again.
	Granted int64 `json:"granted"`
	Keep    int   `json:"keep"`
	// Revision is that of the Target which the chunk has followed, 0 where none: one that has been told of a later one answers it anew.
	Revision int64 `json:"revision,omitempty"`
}

// ChunkSealed says that the segment of the chunk that begins at First is whole, and may be committed. Only its slots have not come back.
type ChunkSealed struct {
	First int64 `json:"first"`
	// Granted is that of the ProcessRequest.
	Granted   int64     `json:"granted"`
	Processed Processed `json:"processed"`
}

// Heartbeat is the details of ProcessChunk's heartbeats.
type Heartbeat struct {
	// Done records of the chunk, and Failed ones among them.
	Done   int   `json:"done"`
	Failed int64 `json:"failed,omitempty"`
	// InFlight tasks of the chunk now.
	InFlight int `json:"inFlight,omitempty"`
	// Trouble is what the worker's machine lacks for some tasks, where it lacks something.
	Trouble string `json:"trouble,omitempty"`
	// Outages is how many attempts at the chunk have ended with an outage.
	Outages int64 `json:"outages,omitempty"`
	// Slowest is the first unfinished record of the chunk; nil where none is.
	Slowest *Slowest `json:"slowest,omitempty"`
}

// Slowest is a record before which all records of its chunk are done.
type Slowest struct {
	// Index counts it among the records taken, Record in the input, both from 0.
	Index  int64 `json:"index"`
	Record int64 `json:"record"`
	// Seconds for which it has been the first unfinished one.
	Seconds int64 `json:"seconds,omitempty"`
	// Cause is why its last try failed, in a line, where it waits for the next.
	Cause string `json:"cause,omitempty"`
}

// Progress is the answer to QueryProgress.
type Progress struct {
	// Position committed, and Totals up to there.
	Position Position `json:"position"`
	Totals   Totals   `json:"totals"`
	// Ahead is the records in segments that wait for their turn.
	Ahead int64 `json:"ahead"`
	// CommittedAhead is the records committed beyond the position, in the order of completion.
	CommittedAhead int64 `json:"committedAhead,omitempty"`
	// AheadFailed is the failed ones among Ahead.
	AheadFailed int64 `json:"aheadFailed,omitempty"`
	// Listed is how many records of the input are known, from its beginning.
	Listed int64 `json:"listed"`
	// ListedBytes is how many bytes of the input those are.
	ListedBytes int64 `json:"listedBytes"`
	// ListedAll says that Listed is the whole input.
	ListedAll bool `json:"listedAll"`
	// InputBytes is the size of the input; 0 until it is known.
	InputBytes int64 `json:"inputBytes"`
	// Control is the cap and the rate as they are now, and whether the job is paused.
	Control Control `json:"control"`
	// Running is the chunks being processed, and Slots how many slots they hold.
	Running int `json:"running"`
	Slots   int `json:"slots"`
	// ChunkRecords is the size of the next chunks.
	ChunkRecords int `json:"chunkRecords"`
	// Runs is how often the workflow has continued as new, plus 1.
	Runs int `json:"runs"`
}

// Estimate is how many records will be taken in all, about as many until the whole input is listed; 0 while nothing can be told.
func (p Progress) Estimate(s Selection) int64 {
	if p.ListedAll || p.ListedBytes == 0 {
		return p.Listed
	}
	all := int64(float64(s.Next(p.Listed)) * float64(p.InputBytes) / float64(p.ListedBytes)) // in the input
	n := s.Count(all)
	if s.Limit > 0 {
		n = min(n, s.Limit)
	}
	return max(n, p.Listed)
}

// Summary is the result of the workflow.
type Summary struct {
	Output string `json:"output"`
	// Errors is the path of the errors file, where records failed.
	Errors      string `json:"errors,omitempty"`
	Records     int64  `json:"records"`
	Failed      int64  `json:"failed"`
	OutputBytes int64  `json:"outputBytes"`
	// OutputDigest is the SHA-256 of the output, in hex.
	OutputDigest string `json:"outputDigest"`
	// TaskMicros is the time spent in tries, in microseconds: about what one by one would have taken.
	TaskMicros int64 `json:"taskMicros"`
	// AlreadyDone says that nothing was left to do.
	AlreadyDone bool `json:"alreadyDone,omitempty"`
	// Retried is, of a retry, how many records it ran again, and FailedAgain how many of them failed.
	Retried     int64 `json:"retried,omitempty"`
	FailedAgain int64 `json:"failedAgain,omitempty"`
}
