package activities

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/longhaul/longhaul/failures"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// errLine marks a result that cannot be one line of the output.
var errLine = errors.New("the result cannot be one line")

// line makes the try's result the output line that stands for it, without its end.
func (a *attempt) line(r task.Result) ([]byte, error) {
	s := &a.run.spec
	switch {
	case s.Format == job.FormatRecord:
		return a.envelope(r)
	case s.OutputDelimiter == job.DelimiterNUL && s.Format == job.FormatText:
		return nulText(r.Value)
	}
	return line(s.Format, r)
}

// line is the method of that name for the formats text and json, and lines that end with a newline.
func line(f job.Format, r task.Result) ([]byte, error) {
	switch {
	case f == job.FormatText:
		return textLine(r.Value)
	case r.JSON:
		return jsonLine(r.Value)
	}
	if !utf8.Valid(r.Value) {
		return nil, fmt.Errorf("%w: it is not UTF-8, which a JSON string must be; use --format text", errLine)
	}
	return marshal(string(r.Value))
}

func textLine(b []byte) ([]byte, error) {
	b = chomp(b)
	if n := bytes.Count(b, []byte{'\n'}); n > 0 {
		return nil, fmt.Errorf("%w: it has %d; use --format json, which writes line breaks as \\n", errLine, n+1)
	}
	return b, nil
}

// nulText is textLine for lines that end with a NUL byte.
func nulText(b []byte) ([]byte, error) {
	if bytes.IndexByte(b, 0) >= 0 {
		return nil, fmt.Errorf("%w: it has a NUL byte, which ends a line; use --format json, which writes it as \\u0000", errLine)
	}
	return chomp(b), nil
}

// chomp drops a last line break.
func chomp(b []byte) []byte {
	b, cut := bytes.CutSuffix(b, []byte{'\n'})
	if cut {
		b = bytes.TrimSuffix(b, []byte{'\r'})
	}
	return b
}

func jsonLine(b []byte) ([]byte, error) {
	var c bytes.Buffer
	if err := json.Compact(&c, b); err != nil {
		return nil, fmt.Errorf("%w: it is not JSON: %w", errLine, err)
	}
	return c.Bytes(), nil
}

// marshal encodes without escaping HTML, which is nobody's business here.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}

// maxErrorInput is how many bytes of a failed record stand in the errors file.
const maxErrorInput = 4 << 10

// errorLine makes the line of a failed record in the errors file, without its newline.
func errorLine(r task.Record, cause error) ([]byte, error) {
	f := failures.Record{Record: r.Number, Error: cause.Error(), Tries: r.Try}
	in := r.Input
	if f.InputTruncated = len(in) > maxErrorInput; f.InputTruncated {
		in = in[:maxErrorInput]
		if utf8.Valid(r.Input) {
			for !utf8.Valid(in) {
				in = in[:len(in)-1]
			}
		}
	}
	if utf8.Valid(in) {
		s := string(in)
		f.Input = &s
	} else {
		f.InputBase64 = in
	}
	return marshal(f)
}
