// Package progress shows how far a job is: as a bar on a terminal, as plain lines, or as JSON lines for programs.
package progress

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

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

// New returns the display of a mode, which must not be Auto, on w. A bar is coloured where that is asked.
func New(m Mode, w io.Writer, colour bool) (Display, error) {
	switch m {
	case Bar:
		return newBar(w, colour), nil
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
	t := fmt.Sprintf("%s done, %d failed, %s", counts(s), s.Failed, strings.Join(pace(s), ", "))
	if h := s.held(); h != nil {
		t += "; held up by " + h.String()
	}
	if s.Trouble != "" {
		t += "; waiting: " + Printable(s.Trouble)
	}
	return t
}

// pace is how fast a job is, part by part, the most important first.
func pace(s Snapshot) (parts []string) {
	if s.Total > 0 && s.Done == s.Total && s.InFlight == 0 {
		return []string{Rate(s.Rate()) + "/s", "in " + short(s.Elapsed)}
	}
	if s.Rates != nil {
		parts = append(parts, Rate(s.Rates.Now)+"/s now", Rate(s.Rate())+"/s avg")
	} else {
		parts = append(parts, Rate(s.Rate())+"/s")
	}
	if left := s.Left(); left >= 0 {
		parts = append(parts, short(left)+" left")
	}
	parts = append(parts, fmt.Sprintf("%s of %s in flight", humanize.Comma(int64(s.InFlight)), humanize.Comma(int64(s.Cap))))
	if s.Ahead > 0 {
		parts = append(parts, humanize.Comma(s.Ahead)+" ahead")
	}
	return parts
}

// String tells of it in a few words.
func (s Slowest) String() string {
	t := fmt.Sprintf("record %s for %s", humanize.Comma(s.Record), short(time.Duration(s.Seconds)*time.Second))
	if s.Cause != "" {
		t += ": " + Printable(s.Cause)
	}
	return t
}

// Printable takes control characters out of a text that comes from elsewhere: a terminal would obey them.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
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

func Rate(r float64) string {
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
		Now     *float64 `json:"recordsPerSecondNow,omitempty"`
		Left    *float64 `json:"leftSeconds,omitempty"`
	}{Snapshot: j.last, Elapsed: j.last.Elapsed.Seconds(), Rate: j.last.Rate()}
	if j.last.Rates != nil {
		v.Now = &j.last.Rates.Now
	}
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
