package job

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// specJSON is a minimal Spec with further fields: `,"a":1`.
func specJSON(more string) string {
	return `{"input":"/in","output":"/out","task":{"name":"echo"}` + more + `}`
}

func TestParseSpecSetsDefaults(t *testing.T) {
	s, err := ParseSpec([]byte(specJSON("")))
	if err != nil {
		t.Fatal(err)
	}
	want := Spec{
		Input: Paths{"/in"}, InputFormat: InputLines, Output: "/out", Task: Task{Name: "echo"}, Format: FormatText, OutputDelimiter: DelimiterNewline, Order: OrderInput,
		Concurrency: 64, Timeout: Duration(30 * time.Second), MaxFailures: "10%",
		Retry: Retry{
			MaximumAttempts: 5, InitialInterval: Duration(500 * time.Millisecond),
			MaximumInterval: Duration(30 * time.Second), BackoffCoefficient: 2,
		},
		Tuning: Tuning{
			ChunkRecords: 25_000, ChunkBytes: 32 << 20, ChunkDuration: Duration(10 * time.Second), Lanes: 8,
			WindowChunks: 1_000, WindowBytes: 16 << 30, ActivitiesPerRun: 500, OutageFailures: 10, OutageAttempts: 3,
		},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v, want %+v", s, want)
	}
}

func TestParseSpecKeepsEveryFieldGiven(t *testing.T) {
	const all = `{
		"input": "/data/in put", "output": "/data/out", "task": {"name": "x", "args": {"a": [1]}}, "format": "json", "outputDelimiter": "nul", "order": "completion", "selectInput": ".a", "select": ".b",
		"concurrency": 7, "timeout": "1m30s", "maxFailures": 5, "overwrite": true,
		"retry": {"maximumAttempts": 3, "initialInterval": "1s", "maximumInterval": "2s", "backoffCoefficient": 1.5},
		"tuning": {"chunkRecords": 11, "chunkBytes": 12, "chunkDuration": "13s", "lanes": 14, "windowChunks": 15,
			"windowBytes": 16, "activitiesPerRun": 17, "outageFailures": 18, "outageAttempts": 19}
	}`
	s, err := ParseSpec([]byte(all))
	if err != nil {
		t.Fatal(err)
	}
	want := Spec{
		Input: Paths{"/data/in put"}, InputFormat: InputLines, Output: "/data/out", Task: Task{Name: "x", Args: json.RawMessage(`{"a": [1]}`)}, Format: FormatJSON,
		OutputDelimiter: DelimiterNUL, Order: OrderCompletion, SelectInput: ".a", Select: ".b",
		Concurrency: 7, Timeout: Duration(90 * time.Second), MaxFailures: "5", Overwrite: true,
		Retry: Retry{
			MaximumAttempts: 3, InitialInterval: Duration(time.Second), MaximumInterval: Duration(2 * time.Second), BackoffCoefficient: 1.5,
		},
		Tuning: Tuning{
			ChunkRecords: 11, ChunkBytes: 12, ChunkDuration: Duration(13 * time.Second), Lanes: 14,
			WindowChunks: 15, WindowBytes: 16, ActivitiesPerRun: 17, OutageFailures: 18, OutageAttempts: 19,
		},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v, want %+v", s, want)
	}
}

func TestFormatDefaultsByTask(t *testing.T) {
	for name, c := range map[string]struct {
		task, more string
		want       Format
	}{
		"http answers JSON":         {task: "http", want: FormatJSON},
		"others answer text":        {task: "exec", want: FormatText},
		"http in text if asked for": {task: "http", more: `,"format":"text"`, want: FormatText},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ParseSpec([]byte(`{"input":"/in","output":"/out","task":{"name":"` + c.task + `"}` + c.more + `}`))
			if err != nil || s.Format != c.want {
				t.Errorf("got %q, %v; want %q", s.Format, err, c.want)
			}
		})
	}
}

func TestMaximumIntervalDefaultsToNoLessThanTheInitialOne(t *testing.T) {
	s, err := ParseSpec([]byte(specJSON(`,"retry":{"initialInterval":"10m"}`)))
	if err != nil || s.Retry.MaximumInterval != Duration(10*time.Minute) {
		t.Errorf("got %s, %v; want 10m", s.Retry.MaximumInterval, err)
	}
}

// TestParseSpecRefuses holds what each refusal says, since its text is all that a user gets.
func TestParseSpecRefuses(t *testing.T) {
	for name, c := range map[string]struct{ spec, want string }{
		"nothing":                   {``, "not JSON: it ends too early"},
		"only space":                {" \n", "not JSON: it ends too early"},
		"half an object":            {`{"input":`, "not JSON: it ends too early"},
		"what is not JSON":          {`input: /in`, "not JSON at byte 1"},
		"two values":                {specJSON("") + ` {}`, "more than one JSON value"},
		"garbage behind the value":  {specJSON("") + `}`, "more than one JSON value"},
		"a list":                    {`[]`, "a JSON array does not fit (want an object)"},
		"a number":                  {`5`, "a JSON number does not fit (want an object)"},
		"null":                      {`null`, "input: missing"},
		"an unknown field":          {specJSON(`,"inputt":"/x"`), `unknown field "inputt"`},
		"an unknown field of task":  {`{"task":{"nam":"x"}}`, `unknown field "nam"`},
		"an unknown field of retry": {specJSON(`,"retry":{"max":1}`), `unknown field "max"`},
		"an unknown tuning":         {specJSON(`,"tuning":{"lane":1}`), `unknown field "lane"`},
		"no input":                  {`{"output":"/out","task":{"name":"x"}}`, "input: missing"},
		"no output":                 {`{"input":"/in","task":{"name":"x"}}`, "output: missing"},
		"no task":                   {`{"input":"/in","output":"/out"}`, "task.name: missing"},
		"a relative input":          {`{"input":"in","output":"/out","task":{"name":"x"}}`, `input: "in" is not an absolute path`},
		"a relative output":         {`{"input":"/in","output":"./out","task":{"name":"x"}}`, `output: "./out" is not an absolute path`},
		"an unclean input":          {`{"input":"/a/../in","output":"/out","task":{"name":"x"}}`, `input: "/a/../in" is not a clean path (want "/in")`},
		"an unclean output":         {`{"input":"/in","output":"/out/","task":{"name":"x"}}`, `output: "/out/" is not a clean path (want "/out")`},
		"NUL in a path":             {`{"input":"/i\u0000n","output":"/out","task":{"name":"x"}}`, "input: a path cannot contain a NUL byte"},
		"the input as output":       {`{"input":"/in","output":"/in","task":{"name":"x"}}`, "output: the same file as the input"},
		"an unknown format":         {specJSON(`,"format":"csv"`), `format: "csv" is none of text json record`},
		"a long selectInput":        {specJSON(`,"selectInput":"` + strings.Repeat(".", 65537) + `"`), "selectInput: 65537 bytes are more than 65536"},
		"a long select":             {specJSON(`,"select":"` + strings.Repeat(".", 65537) + `"`), "select: 65537 bytes are more than 65536"},
		"an unknown order":          {specJSON(`,"order":"any"`), `order: "any" is neither "input" nor "completion"`},
		"an unknown delimiter":      {specJSON(`,"outputDelimiter":"tab"`), `outputDelimiter: "tab" is neither "newline" nor "nul"`},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, c.spec, "spec: "+c.want)
		})
	}
}

func TestParseSpecNamesTheFieldOfAWrongType(t *testing.T) {
	for field, c := range map[string]struct{ more, want string }{
		"concurrency":              {`,"concurrency":"64"`, "a JSON string does not fit (want int)"},
		"overwrite":                {`,"overwrite":1`, "a JSON number does not fit (want bool)"},
		"format":                   {`,"format":{}`, "a JSON object does not fit"},
		"timeout":                  {`,"timeout":30`, `30 is not a duration such as "30s"`},
		"retry":                    {`,"retry":5`, "a JSON number does not fit"},
		"retry.maximumAttempts":    {`,"retry":{"maximumAttempts":1.5}`, "a JSON number 1.5 does not fit (want int)"},
		"retry.initialInterval":    {`,"retry":{"initialInterval":"5"}`, `"5" is not a duration such as "30s"`},
		"retry.backoffCoefficient": {`,"retry":{"backoffCoefficient":"2"}`, "a JSON string does not fit (want float64)"},
		"tuning.chunkBytes":        {`,"tuning":{"chunkBytes":1e99}`, "a JSON number 1e99 does not fit (want int64)"},
		"tuning.chunkDuration":     {`,"tuning":{"chunkDuration":["1s"]}`, `["1s"] is not a duration such as "30s"`},
		"task.name":                {`,"task":{"name":5}`, "a JSON number does not fit (want string)"},
	} {
		t.Run(field, func(t *testing.T) {
			refused(t, specJSON(c.more), "spec: "+field+": "+c.want)
		})
	}
}

// refused checks that a Spec is refused as invalid in words that begin as wanted.
func refused(t *testing.T, spec, want string) {
	t.Helper()
	_, err := ParseSpec([]byte(spec))
	if KindOf(err) != InvalidSpec || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%s:\ngot  %v\nwant %s...", spec, err, want)
	}
}

func TestArgsAreKeptForTheTask(t *testing.T) {
	for name, args := range map[string]string{
		"object": `{"unknown":{"to":"job"}}`,
		"null":   `null`,
		"number": `5`, // the task refuses it, by its own rules
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ParseSpec([]byte(`{"input":"/in","output":"/out","task":{"name":"x","args":` + args + `}}`))
			if err != nil || string(s.Task.Args) != args {
				t.Errorf("got %s, %v; want %s", s.Task.Args, err, args)
			}
		})
	}
}

func TestHoleIsNoResultOfItsFormat(t *testing.T) {
	if got := FormatText.Hole(); got != "" {
		t.Errorf("text: %q", got)
	}
	if got := FormatJSON.Hole(); got != "null" {
		t.Errorf("json: %q", got)
	}
}
