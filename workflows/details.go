package workflows

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/longhaul/longhaul/job"
)

// The job's page in Temporal's Web UI shows the workflow's current details, in Markdown. They are no part of the history: setting them makes neither a
// command nor an event, and a worker that replays the workflow sets them anew.

// story is what the page tells beside the progress, from run to run. It is Carried.
type story struct {
	// Since is when the job began its work, and From how many records were answered then.
	Since time.Time `json:"since,omitzero"`
	From  int64     `json:"from,omitempty"`
	// Longest is the record that took longest, and Failures the last that failed, the last one first.
	Longest  *job.Longest  `json:"longest,omitempty"`
	Failures []job.Failure `json:"failures,omitempty"`
}

// keptFailures is how many of the records that failed last the page shows.
const keptFailures = 5

// heard takes note of what a chunk has to tell.
func (s *story) heard(p job.Processed) {
	if p.Longest != nil && (s.Longest == nil || s.Longest.Micros < p.Longest.Micros) {
		s.Longest = p.Longest
	}
	if p.Failure != nil {
		kept := s.Failures[:min(len(s.Failures), keptFailures-1)]
		s.Failures = append([]job.Failure{*p.Failure}, kept...)
	}
}

// mark is how many records were done at a time.
type mark struct {
	at   time.Time
	done int64
}

const (
	// tellEvery is how often the page is told anew while nothing is appended.
	tellEvery = 5 * time.Second
	// rateOver is over which time the rate is taken.
	rateOver = time.Minute
)

// done is how many records have their result.
func (c *coordinator) done() int64 {
	n := c.position.Records + c.ahead.Records()
	for _, s := range c.ready {
		n += int64(s.Records)
	}
	return n
}

// tell sets the current details.
func (c *coordinator) tell() {
	now, done := workflow.Now(c.root), c.done()
	if c.carried.Story.Since.IsZero() {
		c.carried.Story.Since, c.carried.Story.From = now, done
	}
	c.marks = slices.DeleteFunc(c.marks, func(m mark) bool { return now.Sub(m.at) > rateOver })
	c.marks = append(c.marks, mark{now, done})
	workflow.SetCurrentDetails(c.root, c.details(now, done)+c.static)
}

// staticDetails is what the starter had to say of the job, where the page does not show it by itself: on later runs than the first.
func staticDetails(ctx workflow.Context) string {
	info := workflow.GetInfo(ctx)
	kept := info.Memo.GetFields()[job.MemoDetails]
	var details string
	if info.ContinuedExecutionRunID == "" || kept == nil || converterOf(ctx).FromPayload(kept, &details) != nil {
		return ""
	}
	return "\n" + details
}

// converterKey is that of a workflow's data converter in its context, where the SDK's own is out of reach.
type converterKey struct{}

// WithConverter tells the workflow of the converter by which its worker reads memos.
func WithConverter(ctx workflow.Context, c converter.DataConverter) workflow.Context {
	return workflow.WithValue(ctx, converterKey{}, c)
}

func converterOf(ctx workflow.Context) converter.DataConverter {
	if c, _ := ctx.Value(converterKey{}).(converter.DataConverter); c != nil {
		return c
	}
	return converter.GetDefaultDataConverter()
}

// tellNow is tell where it has not been for a while.
func (c *coordinator) tellNow() {
	if n := len(c.marks); n == 0 || workflow.Now(c.root).Sub(c.marks[n-1].at) >= tellEvery {
		c.tell()
	}
}

// details is the page of a job that runs.
func (c *coordinator) details(now time.Time, done int64) string {
	p := c.progress()
	var b strings.Builder
	b.WriteString("| progress | |\n|:--|:--|\n")
	row := func(name, format string, args ...any) {
		b.WriteString(fmt.Sprintf("| "+name+" | "+format+" |\n", args...))
	}
	if c.control.Paused {
		row("**paused**", "no further try begins; %s goes on", code("longhaul resume "+workflow.GetInfo(c.root).WorkflowExecution.ID))
	}
	answered := p.Position.Records + p.CommittedAhead
	total := p.Estimate(c.spec.Selection)
	switch {
	case total == 0:
		row("written", "%s records", commas(answered))
	case p.ListedAll:
		row("written", "%s of %s records (%.1f %%)", commas(answered), commas(total), percent(answered, total))
	default:
		row("written", "%s of about %s records (%.1f %%)", commas(answered), commas(total), percent(answered, total))
	}
	row("failed", "%s", commas(p.Totals.Failed+p.AheadFailed))
	if p.Ahead > 0 {
		row("done, waiting for a record before them", "%s records in %s chunks", commas(p.Ahead), commas(int64(len(c.ready))))
	}
	row("in work", "%s chunks, with %s of %s slots", commas(int64(p.Running)), commas(int64(p.Slots)), commas(int64(c.spec.Concurrency)))
	if c.spec.Rate != "" {
		row("at most", "%s tries, with a burst of %s", c.spec.Rate, commas(int64(c.spec.Burst)))
	}
	if c.refused != "" {
		row("refused", "%s", code(c.refused))
	}
	average := rate(done-c.carried.Story.From, now.Sub(c.carried.Story.Since))
	recent := rate(done-c.marks[0].done, now.Sub(c.marks[0].at))
	if average > 0 {
		row("rate", "%s records/s, on average %s", number(recent), number(average))
	}
	if recent > 0 && total > done && !c.control.Paused {
		row("time left", "about %s", tidy(time.Duration(float64(total-done)/recent*float64(time.Second))))
	}
	if l := c.first(); l != nil && now.Sub(l.since) >= tellEvery {
		row("the output waits for", "%s, in work for %s", named(l.chunk), tidy(now.Sub(l.since)))
	}
	b.WriteString(c.remarks())
	b.WriteString(fmt.Sprintf("\nAs of %s UTC.\n", now.UTC().Format(time.DateTime)))
	return b.String()
}

// remarks is the rows and lines about the records that stand out.
func (c *coordinator) remarks() string {
	var b strings.Builder
	if s := c.carried.Story.Longest; s != nil {
		b.WriteString(fmt.Sprintf("| slowest record | record %s: %s", commas(s.Record), tidy(time.Duration(s.Micros)*time.Microsecond)))
		if s.Tries > 1 {
			b.WriteString(fmt.Sprintf(" in %d tries", s.Tries))
		}
		b.WriteString(" |\n")
	}
	if len(c.carried.Story.Failures) > 0 {
		b.WriteString("\nRecords that failed, the last of each chunk:\n\n")
	}
	for _, f := range c.carried.Story.Failures {
		b.WriteString(fmt.Sprintf("- record %s: %s\n", commas(f.Record), code(f.Error)))
	}
	return b.String()
}

// first is the chunk in work that the output waits for; nil where it waits for none.
func (c *coordinator) first() *lane {
	for _, l := range c.running {
		if l.chunk.First == c.position.Records {
			return l
		}
	}
	return nil
}

// tellEnd sets the details of a run that ends for good.
func (c *coordinator) tellEnd(s job.Summary) {
	var b strings.Builder
	b.WriteString(fmt.Sprintf("**Done**: %s records, %s failed.\n\n| | |\n|:--|:--|\n", commas(s.Records), commas(s.Failed)))
	b.WriteString(fmt.Sprintf("| output | %s, %s bytes |\n", code(s.Output), commas(s.OutputBytes)))
	if s.Errors != "" {
		b.WriteString(fmt.Sprintf("| why records failed | %s |\n", code(s.Errors)))
	}
	b.WriteString(fmt.Sprintf("| time in tasks | %s |\n", tidy(time.Duration(s.TaskMicros)*time.Microsecond)))
	b.WriteString(c.remarks())
	b.WriteString(fmt.Sprintf("\nTo check the output: %s\n", code("longhaul verify "+s.Output)))
	workflow.SetCurrentDetails(c.root, b.String()+c.static)
}

// tellStopped sets the details of a run that failed, or was canceled.
func (c *coordinator) tellStopped(err error) {
	var b strings.Builder
	why := "canceled"
	if !temporal.IsCanceledError(err) {
		why = err.Error()
	}
	b.WriteString(fmt.Sprintf("**Stopped** after %s records were written: %s\n\n", commas(c.position.Records+c.ahead.Records()), code(why)))
	b.WriteString("What was written stands. The same command, or a start with the same input, goes on from there.\n")
	workflow.SetCurrentDetails(c.root, b.String()+c.static)
}

func percent(n, of int64) float64 { return 100 * float64(n) / float64(of) }

// rate is per second; 0 where nothing can be told.
func rate(n int64, over time.Duration) float64 {
	if over <= 0 || n <= 0 {
		return 0
	}
	return float64(n) / over.Seconds()
}

// number writes a rate with the digits that matter.
func number(v float64) string {
	if v >= 10 {
		return commas(int64(v + 0.5))
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// tidy rounds a duration to what matters of it.
func tidy(d time.Duration) time.Duration {
	if d >= 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(10 * time.Millisecond)
}

// named names a chunk for people who read, and do not search: "records 2,000 to 2,499".
func named(c job.Chunk) string {
	if c.Records == 1 {
		return "record " + commas(c.First)
	}
	return "records " + commas(c.First) + " to " + commas(c.End()-1)
}

// commas writes a count with commas between its thousands.
func commas(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// code has Markdown show a text as it is, whatever it says: it may come from the far side of a task.
func code(text string) string {
	return "`" + strings.NewReplacer("`", "'", "|", "¦", "\n", " ", "\r", " ").Replace(text) + "`"
}
