package job

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Budget is how many records of a job may fail: a number, as "100", or a part of those done, as "10%". In JSON a number may stand without quotes. The zero
// Budget has no bound.
type Budget string

// DefaultBudget is a tenth of the records.
const DefaultBudget Budget = "10%"

// budgetFrom is after how many records a part of them is reckoned.
const budgetFrom = 100

var budgetType = reflect.TypeFor[Budget]()

// UnmarshalJSON reads a string or a number.
func (b *Budget) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) != nil {
		var n json.Number
		if json.Unmarshal(data, &n) != nil {
			return &json.UnmarshalTypeError{Value: fmt.Sprintf("%.100s", data), Type: budgetType}
		}
		s = n.String()
	}
	*b = Budget(s)
	return nil
}

// parse returns the number, or the percentage.
func (b Budget) parse() (count int64, percent float64, err error) {
	text, isPart := strings.CutSuffix(string(b), "%")
	if isPart {
		percent, err = strconv.ParseFloat(text, 64)
		if err != nil || !(percent >= 0 && percent <= 100) {
			return 0, 0, invalid(fmt.Sprintf("maxFailures: %q is no part of the records such as \"10%%\" (0%% to 100%%)", string(b)))
		}
		return -1, percent, nil
	}
	if count, err = strconv.ParseInt(text, 10, 64); err != nil || count < 0 || count > 1<<60 {
		return 0, 0, invalid(fmt.Sprintf("maxFailures: %q is neither a number of records from 0 to %d nor a part of them such as \"10%%\"", string(b), int64(1<<60)))
	}
	return count, 0, nil
}

// Validate checks the bounds: 0 to 2^60, or 0% to 100%.
func (b Budget) Validate() error {
	_, _, err := b.parse()
	return err
}

// Exceeded says whether more of the records done have failed than may: at once where the Budget is a number, from 100 records on where it is a part of them.
func (b Budget) Exceeded(failed, done int64) bool {
	if b == "" {
		return false
	}
	count, percent, err := b.parse()
	switch {
	case err != nil:
		return false
	case count >= 0:
		return failed > count
	}
	return done >= budgetFrom && float64(failed)*100 > percent*float64(done)
}
