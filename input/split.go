package input

import (
	"bytes"

	"github.com/longhaul/longhaul/job"
)

// splitter finds the ends of records in a stream of bytes.
type splitter struct {
	delimiter byte
	comma     byte // of rows; 0 where a record ends with the next delimiter
	state     rowState
}

// rowState is where in a row the next byte stands.
type rowState uint8

// The states. A row in which a rule was broken goes on to the end of that line, as encoding/csv reads on.
const (
	rowStart   rowState = iota
	rowCR               // a CR was the row's first byte: with an LF it is an empty line
	fieldStart          // of another field than the first
	unquoted            // in a field
	quoted              // in a quoted field
	quote               // a quote was seen there
	quoteCR             // and a CR after it
	broken              // a rule was broken
)

func newSplitter(f job.InputFormat) splitter {
	switch f {
	case job.InputNUL:
		return splitter{delimiter: 0}
	case job.InputCSV:
		return splitter{delimiter: '\n', comma: ','}
	case job.InputTSV:
		return splitter{delimiter: '\n', comma: '\t'}
	}
	return splitter{delimiter: '\n'}
}

// next returns how many bytes of b belong to the record at hand, with its end and the empty lines before it, and whether it ends there.
func (s *splitter) next(b []byte) (n int, ended bool) {
	if s.comma != 0 {
		return s.row(b)
	}
	if i := bytes.IndexByte(b, s.delimiter); i >= 0 {
		return i + 1, true
	}
	return len(b), false
}

// pending says whether a record has begun, for formats of rows: the end of the file ends it.
func (s *splitter) pending() bool { return s.state != rowStart && s.state != rowCR }

// row is next for rows.
func (s *splitter) row(b []byte) (n int, ended bool) {
	for n < len(b) {
		if s.state == rowStart {
			// Most rows are a line without quotes.
			if i := bytes.IndexByte(b[n:], '\n'); i >= 0 && bytes.IndexByte(b[n:n+i], '"') < 0 {
				line := b[n : n+i]
				n += i + 1
				if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
					continue
				}
				return n, true
			}
		}
		for n < len(b) {
			was := s.state
			ended = s.step(b[n])
			n++
			if ended {
				s.state = rowStart
				if was == rowStart || was == rowCR {
					break // an empty line
				}
				return n, true
			}
		}
	}
	return n, false
}

// step goes over one byte, and says whether a line ends there outside of quotes.
func (s *splitter) step(c byte) (ended bool) {
	if c == '\n' && s.state != quoted {
		return true
	}
	switch s.state {
	case rowStart, fieldStart:
		switch {
		case c == '"':
			s.state = quoted
		case c == s.comma:
			s.state = fieldStart
		case c == '\r' && s.state == rowStart:
			s.state = rowCR
		default:
			s.state = unquoted
		}
	case rowCR, unquoted:
		switch c {
		case '"':
			s.state = broken
		case s.comma:
			s.state = fieldStart
		default:
			s.state = unquoted
		}
	case quoted:
		if c == '"' {
			s.state = quote
		}
	case quote:
		switch c {
		case '"':
			s.state = quoted
		case s.comma:
			s.state = fieldStart
		case '\r':
			s.state = quoteCR
		default:
			s.state = broken
		}
	case quoteCR:
		s.state = broken
	}
	return false
}
