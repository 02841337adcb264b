package input

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/longhaul/longhaul/job"
)

// maxHeader bounds the header of a file in bytes.
const maxHeader = 1 << 20

// byteOrderMark is what some programs write at the beginning of UTF-8 text.
var byteOrderMark = []byte("\xef\xbb\xbf")

// bom is the length of the byte order mark with which a file begins.
func bom(r io.ReaderAt) (int64, error) {
	b := make([]byte, len(byteOrderMark))
	n, err := r.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if bytes.Equal(b[:n], byteOrderMark) {
		return int64(n), nil
	}
	return 0, nil
}

// newDecoder returns what makes a record of its bytes, for formats in which it is not those bytes themselves. The header is read from the beginning of file.
func newDecoder(f job.InputFormat, file io.Reader) (func([]byte) ([]byte, error), error) {
	switch {
	case f.Header():
		d := &rowDecoder{comma: newSplitter(f).comma}
		return d.decode, d.readHeader(f, file)
	case f == job.InputJSONL:
		return decodeJSON, nil
	}
	return nil, nil
}

// decodeJSON checks that a line is a JSON value.
func decodeJSON(raw []byte) ([]byte, error) {
	line := trimEnd(raw, '\n')
	if len(bytes.TrimSpace(line)) == 0 {
		return nil, errors.New("an empty line is not a JSON value")
	}
	if !utf8.Valid(line) {
		return nil, errors.New("not UTF-8, as JSON must be")
	}
	if json.Valid(line) {
		return line, nil
	}
	var v json.RawMessage
	err := json.Unmarshal(line, &v)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return nil, fmt.Errorf("not a JSON value: byte %d of the line: %w", syntax.Offset, err)
	}
	return nil, fmt.Errorf("not a JSON value: %w", err)
}

// rowDecoder makes JSON objects of rows.
type rowDecoder struct {
	comma byte
	names [][]byte // {"name": or ,"name":
	row   row
	json  []byte
}

func (d *rowDecoder) decode(raw []byte) ([]byte, error) {
	if err := d.row.parse(raw, d.comma); err != nil {
		return nil, err
	}
	if got, want := len(d.row.ends), len(d.names); got != want {
		return nil, fmt.Errorf("%s, where the header has %d", fields(got), want)
	}
	if cap(d.json) > 1<<20 {
		d.json = nil
	}
	d.json = d.json[:0]
	for i, name := range d.names {
		value := d.row.field(i)
		if !utf8.Valid(value) {
			return nil, fmt.Errorf("column %d: not UTF-8, as a JSON string must be", i+1)
		}
		d.json = appendString(append(d.json, name...), value)
	}
	d.json = append(d.json, '}')
	return d.json, nil
}

func fields(n int) string {
	if n == 1 {
		return "1 field"
	}
	return fmt.Sprintf("%d fields", n)
}

// readHeader reads the names of the fields from the beginning of a file.
func (d *rowDecoder) readHeader(f job.InputFormat, file io.Reader) error {
	raw, err := headerRow(f, bufio.NewReader(io.LimitReader(file, maxHeader)))
	if err != nil {
		return err
	}
	if err := d.row.parse(raw, d.comma); err != nil {
		return fmt.Errorf("the header: %w", err)
	}
	seen := map[string]int{}
	d.names = d.names[:0]
	for i := range d.row.ends {
		name := d.row.field(i)
		switch first, twice := seen[string(name)]; {
		case len(name) == 0:
			return fmt.Errorf("the header: column %d has no name", i+1)
		case twice:
			return fmt.Errorf("the header: columns %d and %d are both named %q", first, i+1, name)
		case !utf8.Valid(name):
			return fmt.Errorf("the header: column %d: not UTF-8, as a JSON string must be", i+1)
		}
		seen[string(name)] = i + 1
		open := byte('{')
		if i > 0 {
			open = ','
		}
		d.names = append(d.names, append(appendString([]byte{open}, name), ':'))
	}
	return nil
}

// headerRow reads the first row.
func headerRow(f job.InputFormat, r *bufio.Reader) ([]byte, error) {
	if b, _ := r.Peek(len(byteOrderMark)); bytes.Equal(b, byteOrderMark) {
		if _, err := r.Discard(len(byteOrderMark)); err != nil {
			return nil, err
		}
	}
	split := newSplitter(f)
	var raw []byte
	for {
		line, err := r.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		_, ended := split.next(line)
		if !ended && !split.pending() && len(line) > 0 {
			continue // an empty line
		}
		raw = append(raw, line...)
		switch {
		case ended:
			return raw, nil
		case err != nil && len(raw) >= maxHeader-len(byteOrderMark)-1:
			return nil, fmt.Errorf("the header is longer than %d KiB", maxHeader>>10)
		case err != nil && len(raw) == 0:
			return nil, errors.New("it has no header, whose names a record's fields get")
		case err != nil:
			return raw, nil
		}
	}
}

const hexDigits = "0123456789abcdef"

// appendString appends UTF-8 text as a JSON string.
func appendString(b, text []byte) []byte {
	b = append(b, '"')
	from := 0
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, text[from:]...), '"')
}
