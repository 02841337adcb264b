package job

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Spec is what a job is asked to do, as one JSON object: the argument of the workflow Map. docs/spec.md describes it for users.
type Spec struct {
	// Input is the absolute path of the input, or a list of paths and patterns, whose files are read as one input: in their order, the
	// files of a pattern sorted. At most MaxInputs of them.
	Input Paths `json:"input"`
	// InputFormat is how the input is divided into records, by default InputLines.
	InputFormat InputFormat `json:"inputFormat,omitempty"`
	// Selection is which records are taken, by default all.
	Selection
	// UnpackedBytes bounds what one compressed file may unpack to: by default 100 times its size, and at least 1 GiB.
	UnpackedBytes int64 `json:"unpackedBytes,omitempty"`
	// Output is the absolute path of the ordered output. Its folder must exist.
	Output string `json:"output"`
	// Task is the slow I/O done for each record.
	Task Task `json:"task"`
	// Format is how a result becomes a line: FormatText, FormatJSON or FormatRecord. By default FormatJSON for the task http, else FormatText.
	Format Format `json:"format,omitempty"`
	// OutputDelimiter is what ends each line of the output, by default DelimiterNewline.
	OutputDelimiter Delimiter `json:"outputDelimiter,omitempty"`
	// Order is in which order results are written, by default OrderInput.
	Order Order `json:"order,omitempty"`
	// SelectInput and Select are expressions in the language of jq that shape each record before the task and its result after it: at most
	// MaxSelect bytes each, by default none.
	SelectInput string `json:"selectInput,omitempty"`
	Select      string `json:"select,omitempty"`
	// Concurrency is the number of tasks in flight at most, over all workers together: 1 to MaxConcurrency, by default 64.
	Concurrency int `json:"concurrency,omitempty"`
	// Rate bounds how many tries begin, over all workers together: 1/h to 1000000/s, by default without bound.
	Rate Rate `json:"rate,omitempty"`
	// Burst is how many tries more than Rate allows may begin in any stretch of time: 1 to MaxBurst, by default a second's worth.
	Burst int `json:"burst,omitempty"`
	// Timeout bounds one try of a task: 1ms to 24h, by default 30s.
	Timeout Duration `json:"timeout,omitempty"`
	// Retry says how a task is tried again.
	Retry Retry `json:"retry,omitzero"`
	// MaxFailures is how many records may fail before the job stops: by default 10% of those done, once 100 are.
	MaxFailures Budget `json:"maxFailures,omitempty"`
	// Patch says that the job is the retry of another's failed records.
	Patch *Patch `json:"patch,omitempty"`
	// Overwrite begins the output anew, whatever stands there.
	Overwrite bool `json:"overwrite,omitempty"`
	// Tuning sets what longhaul otherwise chooses by itself. No field of it changes the output.
	Tuning Tuning `json:"tuning,omitzero"`
}

// Task names a task and its arguments, a JSON object whose fields the task itself checks.
type Task struct {
	Name string          `json:"name"`
	Args json.RawMessage `json:"args,omitempty"`
}

// Retry is an exponential backoff between the tries of one task, by the field names of Temporal's own retry policy.
type Retry struct {
	// MaximumAttempts counts all tries, the first included: 1 to 1,000, by default 5.
	MaximumAttempts int `json:"maximumAttempts,omitempty"`
	// InitialInterval is the longest delay before the second try: by default 500ms.
	InitialInterval Duration `json:"initialInterval,omitempty"`
	// MaximumInterval bounds every later delay: by default 30s.
	MaximumInterval Duration `json:"maximumInterval,omitempty"`
	// BackoffCoefficient multiplies the delay from try to try: 1 to 10, by default 2.
	BackoffCoefficient float64 `json:"backoffCoefficient,omitempty"`
}

// Tuning bounds the chunks and the window. Its zero value means the defaults.
type Tuning struct {
	// ChunkRecords bounds the records of a chunk: 1 to 1,000,000, by default 25,000.
	ChunkRecords int `json:"chunkRecords,omitempty"`
	// ChunkBytes bounds the input bytes of a chunk; the record that reaches it is the chunk's last: 1 byte to 1 GiB, by default 32 MiB.
	ChunkBytes int64 `json:"chunkBytes,omitempty"`
	// ChunkDuration is how long a chunk should take: 10ms to 1h, by default 10s.
	ChunkDuration Duration `json:"chunkDuration,omitempty"`
	// Lanes is over how many chunks the slots are shared out while tasks are quick: 1 to 500, by default 8, or 4 to 7 where Concurrency is under 16.
	Lanes int `json:"lanes,omitempty"`
	// WindowChunks bounds how many chunks may run ahead of the position: 1 to 5,000, by default 1,000.
	WindowChunks int `json:"windowChunks,omitempty"`
	// WindowBytes bounds the disk space that finished segments ahead of the position may take, as seen when a
	// chunk is started: 1 byte and up, by default 16 GiB.
	WindowBytes int64 `json:"windowBytes,omitempty"`
	// ActivitiesPerRun is after how many activities the workflow continues as new, or up to four times as many while chunks that take
	// much longer than ChunkDuration run: 4 to 2,000, by default 500.
	ActivitiesPerRun int `json:"activitiesPerRun,omitempty"`
	// OutageFailures is after how many records in a row whose tries were used up by transient failures, with no success between
	// them, the far side counts as down: 1 to 1,000,000, by default 10.
	OutageFailures int `json:"outageFailures,omitempty"`
	// OutageAttempts is how many attempts, each ended by what may be an outage, a chunk makes at fewer such records than OutageFailures, where nothing else
	// tells whether the far side is up, before they have failed: 1 to 1,000, by default 3.
	OutageAttempts int `json:"outageAttempts,omitempty"`
}

// InputFormat is how an input is divided into records.
type InputFormat string

// The input formats.
const (
	// InputLines: a record is a line, without its LF or CRLF.
	InputLines InputFormat = "lines"
	// InputNUL: a record ends with a NUL byte.
	InputNUL InputFormat = "nul"
	// InputCSV and InputTSV: a record is a row (RFC 4180, by the rules of encoding/csv), given as a JSON object whose names are those of the first row of
	// its file, in their order, and whose values are strings. Empty lines are no records.
	InputCSV InputFormat = "csv"
	InputTSV InputFormat = "tsv"
	// InputJSONL: a record is a line, and a JSON value.
	InputJSONL InputFormat = "jsonl"
)

var inputFormats = []InputFormat{InputLines, InputNUL, InputCSV, InputTSV, InputJSONL}

// JSON says whether the records are JSON values.
func (f InputFormat) JSON() bool { return f == InputCSV || f == InputTSV || f == InputJSONL }

// Header says whether the first row of each file names the fields.
func (f InputFormat) Header() bool { return f == InputCSV || f == InputTSV }

// MaxInputs bounds Spec.Input, and the files that it means.
const MaxInputs = 1_000

// MaxConcurrency bounds Spec.Concurrency.
const MaxConcurrency = 100_000

// MaxArgs bounds Task.Args in bytes.
const MaxArgs = 64 << 10

// MaxSelect bounds Spec.SelectInput and Spec.Select in bytes.
const MaxSelect = 64 << 10

// TaskHTTP is the task whose results are JSON by default.
const TaskHTTP = "http"

// ParseSpec decodes a Spec strictly, sets its defaults and validates it. Its errors are *Error of kind InvalidSpec and name the
// field and its bound.
func ParseSpec(data []byte) (Spec, error) {
	var s Spec
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return Spec{}, invalid(decodeError(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Spec{}, invalid("more than one JSON value")
	}
	s = s.WithDefaults()
	return s, s.Validate()
}

// decodeError words a failure of encoding/json for people: field, rule, and where.
func decodeError(err error) string {
	var typ *json.UnmarshalTypeError
	var syn *json.SyntaxError
	switch {
	case errors.As(err, &typ) && typ.Type == durationType:
		return fmt.Sprintf("%s: %s is not a duration such as \"30s\"", typ.Field, typ.Value)
	case errors.As(err, &typ) && typ.Field != "":
		field := strings.TrimPrefix(typ.Field, "Selection.") // whose fields are the Spec's own
		return fmt.Sprintf("%s: a JSON %s does not fit (want %s)", field, typ.Value, typ.Type)
	case errors.As(err, &typ):
		return fmt.Sprintf("a JSON %s does not fit (want an object)", typ.Value)
	case errors.As(err, &syn):
		return fmt.Sprintf("not JSON at byte %d: %v", syn.Offset, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "not JSON: it ends too early"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// WithDefaults returns the Spec with every unset field set.
func (s Spec) WithDefaults() Spec {
	if s.Format == "" {
		s.Format = FormatText
		if s.Task.Name == TaskHTTP {
			s.Format = FormatJSON
		}
	}
	setDefault(&s.InputFormat, InputLines)
	setDefault(&s.OutputDelimiter, DelimiterNewline)
	setDefault(&s.Order, OrderInput)
	setDefault(&s.Concurrency, 64)
	if s.Rate != "" {
		setDefault(&s.Burst, s.Rate.DefaultBurst())
	}
	setDefault(&s.Timeout, Duration(30*time.Second))
	setDefault(&s.Retry.MaximumAttempts, 5)
	setDefault(&s.Retry.InitialInterval, Duration(500*time.Millisecond))
	setDefault(&s.Retry.MaximumInterval, max(Duration(30*time.Second), s.Retry.InitialInterval))
	setDefault(&s.Retry.BackoffCoefficient, 2)
	setDefault(&s.MaxFailures, DefaultBudget)
	setDefault(&s.Tuning.ChunkRecords, 25_000)
	setDefault(&s.Tuning.ChunkBytes, 32<<20)
	setDefault(&s.Tuning.ChunkDuration, Duration(10*time.Second))
	setDefault(&s.Tuning.Lanes, min(8, max(4, s.Concurrency/2)))
	setDefault(&s.Tuning.WindowChunks, 1_000)
	setDefault(&s.Tuning.WindowBytes, 16<<30)
	setDefault(&s.Tuning.ActivitiesPerRun, 500)
	setDefault(&s.Tuning.OutageFailures, 10)
	setDefault(&s.Tuning.OutageAttempts, 3)
	return s
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate checks every field's bounds. Its error is an *Error of kind InvalidSpec.
func (s Spec) Validate() error {
	if err := s.validInput(); err != nil {
		return err
	}
	if err := validPath("output", s.Output); err != nil {
		return err
	}
	if slices.Contains(s.Input, s.Output) {
		return invalid("output: the same file as the input")
	}
	if s.Task.Name == "" {
		return invalid("task.name: missing")
	}
	if len(s.Task.Args) > MaxArgs {
		return invalid(fmt.Sprintf("task.args: %d bytes are more than %d", len(s.Task.Args), MaxArgs))
	}
	if err := s.validOutput(); err != nil {
		return err
	}
	r, t := s.Retry, s.Tuning
	for _, c := range []error{
		within("skip", s.Skip, 0, 1<<60),
		within("limit", s.Limit, 0, 1<<60),
		s.validSample(),
		within("unpackedBytes", s.UnpackedBytes, 0, 1<<60),
		within("concurrency", s.Concurrency, 1, MaxConcurrency),
		s.Rate.Validate(),
		within("burst", s.Burst, 0, MaxBurst),
		within("timeout", s.Timeout, Duration(time.Millisecond), Duration(24*time.Hour)),
		within("retry.maximumAttempts", r.MaximumAttempts, 1, 1_000),
		within("retry.initialInterval", r.InitialInterval, Duration(time.Millisecond), Duration(time.Hour)),
		within("retry.maximumInterval", r.MaximumInterval, r.InitialInterval, Duration(24*time.Hour)),
		within("retry.backoffCoefficient", r.BackoffCoefficient, 1, 10),
		s.MaxFailures.Validate(),
		s.Patch.validate(),
		within("tuning.chunkRecords", t.ChunkRecords, 1, 1_000_000),
		within("tuning.chunkBytes", t.ChunkBytes, 1, 1<<30),
		within("tuning.chunkDuration", t.ChunkDuration, Duration(10*time.Millisecond), Duration(time.Hour)),
		within("tuning.lanes", t.Lanes, 1, 500),
		within("tuning.windowChunks", t.WindowChunks, 1, 5_000),
		within("tuning.windowBytes", t.WindowBytes, 1, 1<<60),
		within("tuning.activitiesPerRun", t.ActivitiesPerRun, 4, 2_000),
		within("tuning.outageFailures", t.OutageFailures, 1, 1_000_000),
		within("tuning.outageAttempts", t.OutageAttempts, 1, 1_000),
	} {
		if c != nil {
			return c
		}
	}
	return nil
}

func (s Spec) validInput() error {
	if len(s.Input) == 0 {
		return invalid("input: missing")
	}
	if len(s.Input) > MaxInputs {
		return invalid(fmt.Sprintf("input: %d paths are more than %d (use a pattern, or put files together)", len(s.Input), MaxInputs))
	}
	for _, path := range s.Input {
		if err := validPath("input", path); err != nil {
			return err
		}
	}
	if !slices.Contains(inputFormats, s.InputFormat) {
		return invalid(fmt.Sprintf("inputFormat: %q is none of %s", s.InputFormat, strings.Trim(fmt.Sprint(inputFormats), "[]")))
	}
	return nil
}

func (s Spec) validSample() error {
	if s.Sample == 0 {
		return nil
	}
	return within("sample", s.Sample, 1e-9, 1)
}

func validPath(field, path string) error {
	switch {
	case path == "":
		return invalid(field + ": missing")
	case strings.ContainsRune(path, 0):
		return invalid(field + ": a path cannot contain a NUL byte")
	case !filepath.IsAbs(path):
		return invalid(fmt.Sprintf("%s: %q is not an absolute path", field, path))
	case filepath.Clean(path) != path:
		return invalid(fmt.Sprintf("%s: %q is not a clean path (want %q)", field, path, filepath.Clean(path)))
	}
	return nil
}

func within[T int | int64 | float64 | Duration](field string, v, low, high T) error {
	if v >= low && v <= high {
		return nil
	}
	return invalid(fmt.Sprintf("%s: %v is not within %v to %v", field, v, low, high))
}

func invalid(detail string) error {
	return &Error{Kind: InvalidSpec, Op: "spec", Err: errors.New(detail)}
}
