package job

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Rate is how many tries of the task may begin: a number a second, minute or hour, as "100/s", "30/m" or "5/h". The zero Rate has no bound.
type Rate string

// The bounds of a Rate, in tries a second.
const (
	minRate = 1.0 / 3600
	maxRate = 1e6
)

// units is the seconds of each unit.
var units = map[string]float64{"s": 1, "m": 60, "h": 3600}

// PerSecond is the rate in tries a second, 0 where there is no bound.
func (r Rate) PerSecond() float64 {
	v, _ := r.parse()
	return v
}

// Validate checks the bounds: 1/h to 1000000/s.
func (r Rate) Validate() error {
	_, err := r.parse()
	return err
}

func (r Rate) parse() (float64, error) {
	if r == "" {
		return 0, nil
	}
	number, unit, _ := strings.Cut(string(r), "/")
	v, err := strconv.ParseFloat(number, 64)
	seconds, ok := units[unit]
	if err != nil || !ok {
		return 0, invalid(fmt.Sprintf("rate: %q is no rate such as \"100/s\", \"30/m\" or \"5/h\"", string(r)))
	}
	if v /= seconds; !(v >= minRate && v <= maxRate) {
		return 0, invalid(fmt.Sprintf("rate: %s is not within 1/h to 1000000/s", string(r)))
	}
	return v, nil
}

// DefaultBurst is the burst of a rate for which none is given: a second's worth, at least 1.
func (r Rate) DefaultBurst() int { return max(1, int(math.Ceil(r.PerSecond()))) }

// MaxBurst bounds Spec.Burst.
const MaxBurst = 1_000_000

// RateShare is a chunk's part in a job's rate. All that is handed out at one time adds up to no more than the rate and the burst.
type RateShare struct {
	// PerSecond is the tries a second that it adds.
	PerSecond float64 `json:"perSecond"`
	// Burst is how many tries it may save up, at least 1.
	Burst int `json:"burst"`
	// Slots is how many slots it goes with, which may be more than the chunk has records: as many of it are given back as of them.
	Slots int `json:"slots,omitempty"`
	// Tokens is how many tries are saved up already.
	Tokens float64 `json:"tokens,omitempty"`
}
