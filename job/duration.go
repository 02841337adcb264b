package job

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// Duration is a time.Duration that is written in JSON as Go writes it: "30s", "1m30s".
type Duration time.Duration

// String formats the duration as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes the duration as a JSON string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// durationType is the Type of a json.UnmarshalTypeError about a Duration.
var durationType = reflect.TypeFor[Duration]()

// UnmarshalJSON reads a JSON string that time.ParseDuration accepts; null leaves the duration as it is. Its error is a
// *json.UnmarshalTypeError, since that is the one into which encoding/json writes the name of the field.
func (d *Duration) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var s string
	err := json.Unmarshal(data, &s)
	v, perr := time.ParseDuration(s)
	if err != nil || perr != nil {
		return &json.UnmarshalTypeError{Value: fmt.Sprintf("%.100s", data), Type: durationType}
	}
	*d = Duration(v)
	return nil
}
