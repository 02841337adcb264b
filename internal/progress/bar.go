package progress

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bar is a bar on a terminal, and below it what holds the job up.
type bar struct {
	progress *mpb.Progress
	bar      *mpb.Bar
	last     atomic.Pointer[Snapshot]
}

func newBar(w io.Writer) *bar {
	b := &bar{}
	b.last.Store(&Snapshot{})
	b.progress = mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh(), mpb.WithRefreshRate(150*time.Millisecond))
	b.bar = b.progress.New(0, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return barLeft(*b.last.Load()) })),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return barRight(*b.last.Load()) })),
		mpb.BarExtender(mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
			return trouble(w, *b.last.Load(), s.AvailableWidth)
		}), false),
	)
	return b
}

func barLeft(s Snapshot) string {
	percent := " --%"
	if s.Total > 0 {
		percent = fmt.Sprintf("%3d%%", s.Done*100/s.Total)
	}
	return humanize.Comma(s.Done) + " " + percent + " "
}

func barRight(s Snapshot) string {
	t := fmt.Sprintf(" %s/s", rate(s.Rate()))
	if left := s.Left(); left >= 0 && s.Done < s.Total {
		t += " " + short(left) + " left"
	}
	if s.Failed > 0 {
		t += fmt.Sprintf(" %s failed", humanize.Comma(s.Failed))
	}
	return t
}

// trouble writes what holds the job up into one line of the terminal.
func trouble(w io.Writer, s Snapshot, width int) error {
	if s.Trouble == "" {
		return nil
	}
	t := []rune("waiting: " + s.Trouble)
	if width > 1 && len(t) >= width {
		t = append(t[:width-2], '…')
	}
	_, err := fmt.Fprintln(w, string(t))
	return err
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
