package activities

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// Envelope is a line of an output of the format record.
type Envelope struct {
	Record int64 `json:"record"`
	// Input is the record: a JSON value as it is, text as a string. InputBase64 is what is no UTF-8.
	Input       json.RawMessage `json:"input,omitempty"`
	InputBase64 []byte          `json:"inputBase64,omitempty"`
	// Output is the result in the same way; neither stands where Error does.
	Output       json.RawMessage `json:"output,omitempty"`
	OutputBase64 []byte          `json:"outputBase64,omitempty"`
	// Error is why the last try failed, where the record has no result.
	Error *string `json:"error,omitempty"`
	// Tries made, and the milliseconds spent in them.
	Tries int     `json:"tries"`
	MS    float64 `json:"ms"`
}

// envelope makes the try's result a line of the format record.
func (a *attempt) envelope(r task.Result) ([]byte, error) {
	e := a.enveloped()
	if r.JSON {
		value, err := jsonLine(r.Value)
		if err != nil {
			return nil, err
		}
		e.Output = value
		return marshal(e)
	}
	var err error
	if e.Output, e.OutputBase64, err = asJSON(r.Value); err != nil {
		return nil, err
	}
	return marshal(e)
}

// errorLine makes what the segment keeps of the record where it has failed.
func (a *attempt) errorLine(cause error) ([]byte, error) {
	b, err := errorLine(a.record, cause)
	if err != nil || a.run.spec.Format != job.FormatRecord {
		return b, err
	}
	text := cause.Error()
	e := a.enveloped()
	e.Error = &text
	line, err := marshal(e)
	return append(append(b, '\n'), line...), err
}

// enveloped is the envelope before it is known how the record ended.
func (a *attempt) enveloped() Envelope {
	e := Envelope{Record: a.record.Number, Tries: a.record.Try, MS: float64(a.spent.Microseconds()) / 1000}
	if a.record.JSON && a.bad == nil { // a bad record is not JSON
		e.Input = a.record.Input
	} else {
		e.Input, e.InputBase64, _ = asJSON(a.record.Input)
	}
	return e
}

// asJSON makes text a JSON string where it is UTF-8; what is not stays as it is.
func asJSON(b []byte) (text json.RawMessage, raw []byte, err error) {
	if !utf8.Valid(b) {
		return nil, b, nil
	}
	text, err = marshal(string(b))
	return text, nil, err
}

// failureLines are the lines of a failed record: in the output and in the errors file.
func failureLines(f job.Format, payload []byte) (line, failure []byte, err error) {
	if f != job.FormatRecord {
		return []byte(f.Hole()), payload, nil
	}
	failure, line, found := bytes.Cut(payload, []byte{'\n'})
	if !found {
		err = &job.Error{Kind: job.Corrupt, Op: "append", Err: errors.New("a failed record has no line of the format record")}
	}
	return line, failure, err
}
