package input

import (
	"bytes"
	"errors"
	"fmt"
)

// The rules of a row.
var (
	errBareQuote = errors.New(`a quote (") in a field that does not begin with one`)
	errQuote     = errors.New(`a quoted field is followed by something else than a separator`)
	errOpenQuote = errors.New(`a quoted field has no end`)
)

// row is a row's fields, by the rules of encoding/csv.
type row struct {
	text []byte // of the fields, one after the other
	ends []int  // of each in text
}

// field returns the i-th field.
func (r *row) field(i int) []byte {
	if i == 0 {
		return r.text[:r.ends[0]]
	}
	return r.text[r.ends[i-1]:r.ends[i]]
}

// parse takes a row apart. Its error names the column, from 1.
func (r *row) parse(raw []byte, comma byte) error {
	r.text, r.ends = r.text[:0], r.ends[:0]
	if n := len(raw); n > 0 && raw[n-1] == '\r' { // where a file ends, a CR alone counts no more than before an LF
		raw = raw[:n-1]
	}
	raw = trimEnd(raw, '\n')
	for at := 0; ; at++ {
		n, err := r.parseField(raw[at:], comma)
		if err != nil {
			return fmt.Errorf("column %d: %w", len(r.ends)+1, err)
		}
		r.ends = append(r.ends, len(r.text))
		if at += n; at == len(raw) {
			return nil
		}
	}
}

// parseField takes the field off the front of raw, and returns how long it is there.
func (r *row) parseField(raw []byte, comma byte) (n int, err error) {
	if len(raw) > 0 && raw[0] == '"' {
		return r.parseQuoted(raw, comma)
	}
	if n = bytes.IndexByte(raw, comma); n < 0 {
		n = len(raw)
	}
	if bytes.IndexByte(raw[:n], '"') >= 0 {
		return n, errBareQuote
	}
	r.text = append(r.text, raw[:n]...)
	return n, nil
}

func (r *row) parseQuoted(raw []byte, comma byte) (n int, err error) {
	n = 1
	for {
		i := bytes.IndexByte(raw[n:], '"')
		if i < 0 {
			return n, errOpenQuote
		}
		r.addLines(raw[n : n+i])
		n += i + 1
		switch {
		case n == len(raw) || raw[n] == comma:
			return n, nil
		case raw[n] != '"':
			return n, errQuote
		}
		r.text = append(r.text, '"')
		n++
	}
}

// addLines adds text whose lines end with LF, even where they end with CRLF.
func (r *row) addLines(text []byte) {
	for {
		i := bytes.Index(text, []byte("\r\n"))
		if i < 0 {
			r.text = append(r.text, text...)
			return
		}
		r.text = append(r.text, text[:i]...)
		r.text = append(r.text, '\n')
		text = text[i+2:]
	}
}
