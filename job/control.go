package job

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Control is what can be changed of a job while it runs.
type Control struct {
	// Paused says that no further try begins. What is in flight ends, and what is done is written.
	Paused bool `json:"paused"`
	// Concurrency, Rate and Burst are those of the Spec, or what was set since.
	Concurrency int  `json:"concurrency"`
	Rate        Rate `json:"rate,omitempty"`
	Burst       int  `json:"burst,omitempty"`
}

// Control returns what the Spec asks for.
func (s Spec) Control() Control {
	return Control{Concurrency: s.Concurrency, Rate: s.Rate, Burst: s.Burst}
}

// Controlled returns the Spec with what was set since.
func (s Spec) Controlled(c Control) Spec {
	s.Concurrency, s.Rate, s.Burst = c.Concurrency, c.Rate, c.Burst
	return s
}

// Setting is the argument of the update, and of the signal, UpdateSet. What it does not name stays as it is.
type Setting struct {
	// Concurrency is the number of tasks in flight at most: 1 to MaxConcurrency.
	Concurrency *int `json:"concurrency,omitempty"`
	// Rate bounds how many tries begin: 1/h to 1000000/s, or RateNone.
	Rate *Rate `json:"rate,omitempty"`
	// Burst is that of the rate: 1 to MaxBurst; where a rate is set without one, a second's worth.
	Burst *int `json:"burst,omitempty"`
}

// RateNone takes the bound away in a Setting.
const RateNone Rate = "none"

// ParseSetting decodes a Setting strictly. Its errors are *Error of kind InvalidSpec.
func ParseSetting(data []byte) (Setting, error) {
	var s Setting
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return Setting{}, cannotSet(errors.New(decodeError(err)))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Setting{}, cannotSet(errors.New("more than one JSON value"))
	}
	return s, nil
}

// Apply returns what the setting makes of c. Its errors are *Error of kind InvalidSpec, and name the field and its bound.
func (s Setting) Apply(c Control) (Control, error) {
	if s == (Setting{}) {
		return c, cannotSet(errors.New(`nothing to set (name "concurrency", "rate" or "burst")`))
	}
	if s.Concurrency != nil {
		c.Concurrency = *s.Concurrency
	}
	if s.Rate != nil {
		c.Rate, c.Burst = *s.Rate, 0
		if c.Rate == RateNone {
			c.Rate = ""
		}
		if c.Rate != "" {
			c.Burst = c.Rate.DefaultBurst()
		}
	}
	if s.Burst != nil {
		if c.Rate == "" {
			return c, cannotSet(errors.New("burst: there is no rate that it could belong to"))
		}
		c.Burst = *s.Burst
	}
	return c, c.validate()
}

func (c Control) validate() error {
	least := 0 // without a rate
	if c.Rate != "" {
		least = 1
	}
	for _, err := range []error{within("concurrency", c.Concurrency, 1, MaxConcurrency), c.Rate.Validate(), within("burst", c.Burst, least, MaxBurst)} {
		if err != nil {
			return cannotSet(err)
		}
	}
	return nil
}

// cannotSet makes an error one about a setting.
func cannotSet(err error) error {
	var e *Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return &Error{Kind: InvalidSpec, Op: "set", Err: err}
}

// String is the control for people.
func (c Control) String() string {
	t := fmt.Sprintf("%d in flight at most", c.Concurrency)
	if c.Rate != "" {
		t += fmt.Sprintf(", %s with a burst of %d", c.Rate, c.Burst)
	}
	if c.Paused {
		t += ", paused"
	}
	return t
}

// Targets is the answer to QueryTargets: what the chunks in work shall have of the cap and of the rate.
type Targets struct {
	// Revision grows with every change.
	Revision int64 `json:"revision"`
	// Chunks in work; none where nothing has changed since the revision that was asked about.
	Chunks []Target `json:"chunks,omitempty"`
	// Concurrency is the job's; 0 where nothing has changed, and of a workflow of an older version.
	Concurrency int `json:"concurrency,omitempty"`
}

// Target is what one chunk in work shall have.
type Target struct {
	// First and Granted name the chunk, as SlotsReturned does.
	First   int64 `json:"first"`
	Granted int64 `json:"granted"`
	// Revision is that of the last change of it; 0 where it is as it was granted.
	Revision int64 `json:"revision"`
	Slots    int   `json:"slots"`
	// Rate is its share; nil where the rate has no bound.
	Rate *RateShare `json:"rate,omitempty"`
	// Answer says that the workflow waits for a SlotsReturned of this revision before it counts what the chunk has to give back as free.
	Answer bool `json:"answer,omitempty"`
}
