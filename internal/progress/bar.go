package progress

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bar is a bar on a terminal: records, failures; below it how fast; below that what holds the job up.
type bar struct {
	progress *mpb.Progress
	bar      *mpb.Bar
	colour   bool
	last     atomic.Pointer[Snapshot]
}

func newBar(w io.Writer, colour bool) *bar {
	b := &bar{colour: colour}
	b.last.Store(&Snapshot{})
	b.progress = mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh(), mpb.WithRefreshRate(150*time.Millisecond))
	b.bar = b.progress.New(0, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return lineStart + barLeft(*b.last.Load()) })),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return barRight(*b.last.Load()) })),
		mpb.BarExtender(mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
			return b.below(w, *b.last.Load(), s.AvailableWidth)
		}), false),
	)
	return b
}

// lineStart goes to the beginning of the line: a key that was pressed, such as Ctrl-C, may have been echoed there.
const lineStart = "\r"

func barLeft(s Snapshot) string {
	percent := " --%"
	if s.Total > 0 {
		percent = fmt.Sprintf("%3d%%", s.Done*100/s.Total)
	}
	return counts(s) + " " + percent
}

func barRight(s Snapshot) string {
	if s.Failed == 0 {
		return ""
	}
	return fmt.Sprintf("%s failed", humanize.Comma(s.Failed))
}

// yellow is how what holds the job up is coloured.
const (
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// below writes the lines under the bar: each fits into one of the terminal's, so that none wraps, and nothing is left over when it is redrawn.
func (b *bar) below(w io.Writer, s Snapshot, width int) error {
	lines := []string{fit(pace(s), width)}
	if h := s.held(); h != nil {
		lines = append(lines, b.warn(cut("held up by "+h.String(), width)))
	}
	if s.Trouble != "" {
		lines = append(lines, b.warn(cut("waiting: "+Printable(s.Trouble), width)))
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

func (b *bar) warn(line string) string {
	if !b.colour {
		return line
	}
	return yellow + line + reset
}

// fit joins as many parts as there is room for, the first ones.
func fit(parts []string, width int) string {
	for n := len(parts); n > 1; n-- {
		if t := strings.Join(parts[:n], ", "); width <= 1 || runewidth.StringWidth(t) < width {
			return t
		}
	}
	return cut(parts[0], width)
}

// cut cuts a text to less than a width in columns; one of 1 or less is no width.
func cut(t string, width int) string {
	if width <= 1 {
		return t
	}
	return runewidth.Truncate(t, width-1, "…")
}

func (b *bar) Show(s Snapshot) {
	b.last.Store(&s)
	b.bar.SetTotal(max(s.Total, s.Done+1), false)
	b.bar.SetCurrent(s.Done)
}

func (b *bar) Close() {
	s := b.last.Load()
	if s.Total > 0 && s.Done >= s.Total {
		b.bar.SetTotal(s.Done, true)
	} else {
		b.bar.Abort(false)
	}
	b.progress.Wait()
}
