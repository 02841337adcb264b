package failures

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Record is one line of the errors file.
type Record struct {
	Record int64 `json:"record"`
	// Input is the record where it is UTF-8, else InputBase64 is.
	Input          *string `json:"input,omitempty"`
	InputBase64    []byte  `json:"inputBase64,omitempty"`
	InputTruncated bool    `json:"inputTruncated,omitempty"`
	Error          string  `json:"error"`
	Tries          int     `json:"tries"`
}

// Decode reads a line of the errors file.
func Decode(line []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("a line of the errors file: %w", err)
	}
	return r, nil
}

// Bytes is as much of the record as stands in the line.
func (r Record) Bytes() []byte {
	if r.Input != nil {
		return []byte(*r.Input)
	}
	return r.InputBase64
}

// maxShown is how many bytes of a record's input String shows.
const maxShown = 100

// String names the record for people: its number and the beginning of its input, as in `record 7, "abc"`.
func (r Record) String() string {
	in := r.Bytes()
	cut := r.InputTruncated || len(in) > maxShown
	in = shorten(in, maxShown)
	if !utf8.Valid(in) {
		return fmt.Sprintf("record %d", r.Record)
	}
	shown := string(bytes.Map(control, in))
	if cut {
		shown += "…"
	}
	if !r.isObject() {
		shown = `"` + shown + `"`
	}
	return fmt.Sprintf("record %d, %s", r.Record, shown)
}

// isObject says whether the record looks like a JSON object or list, which needs no quotes around it.
func (r Record) isObject() bool {
	in := r.Bytes()
	return len(in) > 0 && (in[0] == '{' || in[0] == '[')
}

// control makes a space of what would move a terminal's cursor, or worse.
func control(c rune) rune {
	if c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 {
		return ' '
	}
	return c
}

// shorten cuts text to at most n bytes, not within a character.
func shorten(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}
