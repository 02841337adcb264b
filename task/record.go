package task

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// value is the record as a template sees it: text is a string, a JSON value what encoding/json makes of it, its numbers as they are written.
func (r Record) value() (any, error) {
	if !r.JSON {
		return string(r.Input), nil
	}
	dec := json.NewDecoder(bytes.NewReader(r.Input))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("the record is not JSON: %w", err)
	}
	return v, nil
}
