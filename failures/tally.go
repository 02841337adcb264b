package failures

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const (
	// MaxCauses is how many causes a Tally tells apart. Failures of further ones are counted together.
	MaxCauses = 1_000
	// MaxSamples bounds the samples of a cause.
	MaxSamples = 100
	// maxSampleInput and maxSampleError are how many bytes of each a sample keeps.
	maxSampleInput = 1 << 10
	maxSampleError = 2 << 10
	// maxKnown is how many messages a Tally remembers the cause of.
	maxKnown = 1_000
)

// Tally counts failures by cause. Its memory is bounded, whatever it is given: by MaxCauses, and the samples asked for. The zero Tally keeps no samples. It is not for
// concurrent use.
type Tally struct {
	// Samples is how many records, the first ones, are kept of each cause: at most MaxSamples.
	Samples int
	// Total is the failures counted, Other those among them whose cause came after MaxCauses others.
	Total, Other int64

	causes map[string]*Group
	known  map[string]string // the cause of messages that do not quote their record
}

// Group is the failures of one cause.
type Group struct {
	Cause   string   `json:"cause"`
	Count   int64    `json:"count"`
	Samples []Record `json:"samples"`
}

// Add counts a failed record.
func (t *Tally) Add(r Record) {
	if t.causes == nil {
		t.causes, t.known = map[string]*Group{}, map[string]string{}
	}
	t.Total++
	c := t.cause(r)
	g := t.causes[c]
	if g == nil {
		if len(t.causes) == MaxCauses {
			t.Other++
			return
		}
		g = &Group{Cause: c, Samples: []Record{}}
		t.causes[c] = g
	}
	g.Count++
	if len(g.Samples) < min(t.Samples, MaxSamples) {
		g.Samples = append(g.Samples, sample(r))
	}
}

// cause is Cause, which is not asked twice for one message.
func (t *Tally) cause(r Record) string {
	in := r.Bytes()
	if c, ok := t.known[r.Error]; ok && !bytes.Contains([]byte(r.Error), in) {
		return c
	}
	c := Cause(r.Error, in)
	if len(t.known) < maxKnown && len(r.Error) <= maxMessage && c == Cause(r.Error, nil) {
		t.known[strings.Clone(r.Error)] = c
	}
	return c
}

// sample bounds what is kept of a record.
func sample(r Record) Record {
	if r.Input != nil && len(*r.Input) > maxSampleInput {
		s := string(shorten([]byte(*r.Input), maxSampleInput))
		r.Input, r.InputTruncated = &s, true
	}
	if len(r.InputBase64) > maxSampleInput {
		r.InputBase64, r.InputTruncated = bytes.Clone(r.InputBase64[:maxSampleInput]), true
	}
	if len(r.Error) > maxSampleError {
		r.Error = string(shorten([]byte(r.Error), maxSampleError-len("…"))) + "…"
	}
	return r
}

// Groups returns the causes, the most frequent first; of equally frequent ones by their text.
func (t *Tally) Groups() []Group {
	g := make([]Group, 0, len(t.causes))
	for _, c := range t.causes {
		g = append(g, *c)
	}
	slices.SortFunc(g, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Cause, b.Cause))
	})
	return g
}

// Summary names the n most frequent causes in one line, each with its first sample.
func (t *Tally) Summary(n int) string {
	var parts []string
	groups := t.Groups()
	for _, g := range groups[:min(n, len(groups))] {
		p := fmt.Sprintf("%d times %s", g.Count, g.Cause)
		if g.Count == 1 {
			p = "once " + g.Cause
		}
		if len(g.Samples) > 0 {
			p += " (as " + g.Samples[0].String() + ")"
		}
		parts = append(parts, p)
	}
	if more := len(groups) - n; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d causes more", more))
	}
	return strings.Join(parts, "; ")
}
