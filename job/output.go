package job

import (
	"fmt"
	"slices"
	"strings"
)

// Format is how a result becomes an output line.
type Format string

// The output formats.
const (
	// FormatText writes a result's bytes as they are. A last line break is dropped; one within fails the record, unless lines end with NUL.
	FormatText Format = "text"
	// FormatJSON writes a result as one compact JSON value; text becomes a JSON string.
	FormatJSON Format = "json"
	// FormatRecord writes a JSON object a line: the record's number, its input, its output or its error, its tries, and how long they took.
	FormatRecord Format = "record"
)

var formats = []Format{FormatText, FormatJSON, FormatRecord}

// Hole is the line, without its end, that stands in the output for a record that failed. FormatRecord has no such line: each record's own says that it failed.
func (f Format) Hole() string {
	if f == FormatJSON {
		return "null"
	}
	return ""
}

// Delimiter is what ends a line of the output.
type Delimiter string

// The delimiters.
const (
	// DelimiterNewline ends a line with an LF.
	DelimiterNewline Delimiter = "newline"
	// DelimiterNUL ends a line with a NUL byte, so that text may hold line breaks.
	DelimiterNUL Delimiter = "nul"
)

// Byte is the delimiter itself. The zero Delimiter is DelimiterNewline.
func (d Delimiter) Byte() byte {
	if d == DelimiterNUL {
		return 0
	}
	return '\n'
}

// Order is in which order results are written.
type Order string

// The orders.
const (
	// OrderInput writes line N for record N.
	OrderInput Order = "input"
	// OrderCompletion writes the results of a chunk, in their order, as soon as it is done, though one before it is not.
	OrderCompletion Order = "completion"
)

func (s Spec) validOutput() error {
	if !slices.Contains(formats, s.Format) {
		return invalid(fmt.Sprintf("format: %q is none of %s", s.Format, strings.Trim(fmt.Sprint(formats), "[]")))
	}
	if s.OutputDelimiter != DelimiterNewline && s.OutputDelimiter != DelimiterNUL {
		return invalid(fmt.Sprintf("outputDelimiter: %q is neither %q nor %q", s.OutputDelimiter, DelimiterNewline, DelimiterNUL))
	}
	if s.Order != OrderInput && s.Order != OrderCompletion {
		return invalid(fmt.Sprintf("order: %q is neither %q nor %q", s.Order, OrderInput, OrderCompletion))
	}
	for _, e := range []struct{ field, text string }{{"selectInput", s.SelectInput}, {"select", s.Select}} {
		if len(e.text) > MaxSelect {
			return invalid(fmt.Sprintf("%s: %d bytes are more than %d", e.field, len(e.text), MaxSelect))
		}
	}
	return nil
}
