package job

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Paths are one path or several, in JSON a string or a list of them.
type Paths []string

// String names the paths for people: the first, and how many more there are.
func (p Paths) String() string {
	switch len(p) {
	case 0:
		return ""
	case 1:
		return p[0]
	}
	return fmt.Sprintf("%s and %d more", p[0], len(p)-1)
}

// MarshalJSON writes one path as a string, several as a list.
func (p Paths) MarshalJSON() ([]byte, error) { return marshalSeveral(p) }

// UnmarshalJSON reads a string or a list of strings.
func (p *Paths) UnmarshalJSON(data []byte) error { return unmarshalSeveral(data, (*[]string)(p)) }

// marshalSeveral writes a list of one element as that element.
func marshalSeveral[T any](list []T) ([]byte, error) {
	if len(list) == 1 {
		return json.Marshal(list[0])
	}
	return json.Marshal(list)
}

// unmarshalSeveral reads, strictly, a list, or one element.
func unmarshalSeveral[T any](data []byte, list *[]T) error {
	if string(data) == "null" {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if len(data) > 0 && data[0] == '[' {
		var all []T
		if err := dec.Decode(&all); err != nil {
			return err
		}
		*list = all
		return nil
	}
	var one T
	if err := dec.Decode(&one); err != nil {
		return err
	}
	*list = []T{one}
	return nil
}
