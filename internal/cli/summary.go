package cli

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/longhaul/longhaul/internal/progress"
	"github.com/longhaul/longhaul/job"
)

// summary is what is told of a job that is complete. Its JSON is an interface: fields are added, none is changed.
type summary struct {
	Job string `json:"job"`
	job.Summary
	// Seconds since it was followed, RecordsPerSecond in them, and SpeedUp over one by one, where that is known.
	Seconds          float64 `json:"seconds,omitempty"`
	RecordsPerSecond float64 `json:"recordsPerSecond,omitempty"`
	SpeedUp          float64 `json:"speedUp,omitempty"`
	WebUI            string  `json:"webUI,omitempty"`
}

// done prints what a finished job did.
func (p *Program) done(e *engine, j *started, s job.Summary, last progress.Snapshot) error {
	r := summary{Job: j.id, Summary: s, WebUI: j.page}
	took := last.Elapsed
	alone := time.Duration(s.TaskMicros) * time.Microsecond
	if took > 0 && !s.AlreadyDone {
		r.Seconds, r.RecordsPerSecond = took.Seconds(), last.Rate()
		if last.Before == 0 && !j.joined && s.Retried == 0 && alone > took {
			r.SpeedUp = alone.Seconds() / took.Seconds()
		}
	}
	if j.json {
		if err := p.printJSON(r); err != nil {
			return err
		}
	} else {
		p.printDone(j, r, took, last.Before, alone)
		if r.WebUI != "" && e != nil {
			fmt.Fprintf(p.Stdout, "web UI: %s%s\n", r.WebUI, e.afterwards(p))
		}
	}
	if s.Failed > 0 {
		return errSomeFailed
	}
	return nil
}

// printDone is done for people.
func (p *Program) printDone(j *started, r summary, took time.Duration, before int64, alone time.Duration) {
	counts := fmt.Sprintf("%s records, %s failed", humanize.Comma(r.Records), humanize.Comma(r.Failed))
	switch {
	case r.AlreadyDone:
		fmt.Fprintf(p.Stdout, "already done: %s\n", counts)
	case took <= 0:
		fmt.Fprintf(p.Stdout, "done: %s; one by one about %s\n", counts, tidy(alone))
	case r.Retried > 0:
		p.retried(r.Summary, took)
	default:
		from := ""
		if before > 0 {
			from = "; resumed at record " + humanize.Comma(before)
			if j.joined {
				from = "; joined at record " + humanize.Comma(before)
			}
		}
		fmt.Fprintf(p.Stdout, "done: %s%s, in %s, %s a second", counts, from, tidy(took), progress.Rate(r.RecordsPerSecond))
		if r.SpeedUp > 0 {
			fmt.Fprintf(p.Stdout, "; one by one about %s, %.1f times as long", tidy(alone), r.SpeedUp)
		}
		fmt.Fprintln(p.Stdout)
	}
	fmt.Fprintf(p.Stdout, "output: %s (%s)\n", r.Output, humanize.IBytes(uint64(r.OutputBytes)))
	if r.Failed > 0 {
		fmt.Fprintf(p.Stdout, "errors: %s\n", r.Errors)
	}
}

// afterwards says how the Web UI is reached when this command has ended.
func (e *engine) afterwards(p *Program) string {
	if e.embedded == nil {
		return ""
	}
	return " (while " + p.Name + " dev runs)"
}

// tidy rounds a duration to what matters of it.
func tidy(d time.Duration) time.Duration {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}
