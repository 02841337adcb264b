// Package progress shows how far a job is: as a bar on a terminal, as plain lines, or as JSON lines for programs.
package progress

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/dustin/go-humanize"
)

// Snapshot is how far a job is at a moment.
type Snapshot struct {
	// Done records, written or waiting for their turn, and Failed ones among them.
	Done   int64 `json:"done"`
	Failed int64 `json:"failed"`
	// Written records, in order.
	Written int64 `json:"written"`
	// Total records of the input; an estimate where Estimated, 0 where nothing is known yet.
	Total     int64 `json:"total"`
	Estimated bool  `json:"estimated,omitempty"`
	// InFlight tasks and the Cap on them.
	InFlight int `json:"inFlight"`
	Cap      int `json:"cap"`
	// Elapsed since following began, and records Done before that.
	Elapsed time.Duration `json:"-"`
	Before  int64         `json:"-"`
	// Trouble is what holds the job up, where something does.
	Trouble string `json:"trouble,omitempty"`
}

// Rate is the records a second since following began.
func (s Snapshot) Rate() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Done-s.Before) / s.Elapsed.Seconds()
}

// Left is the time left at that rate; negative where it is unknown.
func (s Snapshot) Left() time.Duration {
	r := s.Rate()
	if s.Total == 0 || r <= 0 {
		return -1
	}
	left := float64(s.Total-s.Done) / r * float64(time.Second)
	if left >= math.MaxInt64 {
		return -1
	}
	return time.Duration(left)
}

// Display shows snapshots. Its methods are not for concurrent use.
type Display interface {
	// Show shows a newer snapshot.
	Show(Snapshot)
	// Close ends the display, leaving the last snapshot to be seen.
	Close()
}

// Mode chooses a display.
type Mode string

// The modes. Auto is Bar on a terminal, else Plain.
const (
	Auto  Mode = "auto"
	Bar   Mode = "bar"
	Plain Mode = "plain"
	JSON  Mode = "json"
	None  Mode = "none"
)

// New returns the display of a mode, which must not be Auto, on w.
func New(m Mode, w io.Writer) (Display, error) {
	switch m {
	case Bar:
		return newBar(w), nil
	case Plain:
		return &plain{w: w}, nil
	case JSON:
		return &jsonLines{w: w}, nil
	case None:
		return none{}, nil
	}
	return nil, fmt.Errorf("progress %q: want auto, bar, plain, json or none", m)
}

// lineEvery is how often Plain and JSON write.
const (
	plainEvery = 5 * time.Second
	jsonEvery  = time.Second
)

// plain writes a line every few seconds, and one at the end.
type plain struct {
	w     io.Writer
	shown time.Duration
	last  Snapshot
	any   bool
}

func (p *plain) Show(s Snapshot) {
	p.last = s
	if p.any && s.Elapsed-p.shown < plainEvery {
		return
	}
	p.write()
}

func (p *plain) write() {
	p.any, p.shown = true, p.last.Elapsed
	fmt.Fprintln(p.w, text(p.last))
}

func (p *plain) Close() {
	if p.any && p.last.Elapsed != p.shown {
		p.write()
	}
}

// text is a snapshot in a line.
func text(s Snapshot) string {
	t := fmt.Sprintf("%s done, %d failed, %s/s, %d of %d in flight", counts(s), s.Failed, rate(s.Rate()), s.InFlight, s.Cap)
	if left := s.Left(); left >= 0 {
		t += ", " + short(left) + " left"
	}
	if s.Trouble != "" {
		t += "; waiting: " + s.Trouble
	}
	return t
}

func counts(s Snapshot) string {
	switch {
	case s.Total == 0:
		return humanize.Comma(s.Done)
	case s.Estimated:
		return humanize.Comma(s.Done) + " of about " + humanize.Comma(s.Total)
	}
	return humanize.Comma(s.Done) + " of " + humanize.Comma(s.Total)
}

func rate(r float64) string {
	if r >= 100 {
		return humanize.Comma(int64(r + 0.5))
	}
	return fmt.Sprintf("%.1f", r)
}

// short formats a duration for people: seconds, then minutes and seconds, then hours and minutes.
func short(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
}

// jsonLines writes one JSON object a second, and one at the end.
type jsonLines struct {
	w     io.Writer
	shown time.Duration
	last  Snapshot
	any   bool
}

func (j *jsonLines) Show(s Snapshot) {
	j.last = s
	if !j.any || s.Elapsed-j.shown >= jsonEvery {
		j.write()
	}
}

func (j *jsonLines) write() {
	j.any, j.shown = true, j.last.Elapsed
	v := struct {
		Snapshot
		Elapsed float64  `json:"elapsedSeconds"`
		Rate    float64  `json:"recordsPerSecond"`
		Left    *float64 `json:"leftSeconds,omitempty"`
	}{Snapshot: j.last, Elapsed: j.last.Elapsed.Seconds(), Rate: j.last.Rate()}
	if left := j.last.Left(); left >= 0 {
		l := left.Seconds()
		v.Left = &l
	}
	b, err := json.Marshal(v)
	if err == nil {
		fmt.Fprintf(j.w, "%s\n", b)
	}
}

func (j *jsonLines) Close() {
	if j.any && j.last.Elapsed != j.shown {
		j.write()
	}
}

type none struct{}

func (none) Show(Snapshot) {}
func (none) Close()        {}
