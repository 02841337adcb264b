package trial

import (
	"context"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"github.com/longhaul/longhaul/activities"
	"github.com/longhaul/longhaul/input"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// shown is how many records are shown.
const shown = 3

// maxShown bounds in bytes what is shown of one.
const maxShown = 4 << 10

// Show writes what a task would do for the first records, and how many records and chunks the input has. It does none of it.
func Show(ctx context.Context, in *Input, t task.Task, w io.Writer) error {
	err := in.Each(ctx, shown, func(r task.Record, bad *input.RecordError) error {
		r.Try = 1
		text, err := "", error(bad)
		if bad == nil {
			text, err = describeWithin(ctx, in.spec, t, r)
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			text = "fails: " + err.Error()
		}
		_, err = fmt.Fprintf(w, "record %d: %s\n", r.Number, cut(text))
		return err
	})
	if err != nil {
		return err
	}
	records, chunks, err := in.Count(ctx)
	if err != nil {
		return err
	}
	tuning := in.spec.Tuning
	_, err = fmt.Fprintf(w, "%s in %s or more, each of %s and %s at most; nothing was done\n", describe(records, "record"), describe(chunks, "chunk"),
		describe(int64(tuning.ChunkRecords), "record"), humanize.IBytes(uint64(tuning.ChunkBytes)))
	return err
}

// describeWithin describes a record within the time of a try.
func describeWithin(ctx context.Context, s job.Spec, t task.Task, r task.Record) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.Timeout))
	defer cancel()
	return task.Describe(ctx, s.Task.Name, t, r)
}

// cut bounds what is shown.
func cut(text string) string {
	if len(text) <= maxShown {
		return text
	}
	end := maxShown
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s… (%s bytes in all)", text[:end], comma(int64(len(text))))
}

func comma(n int64) string { return humanize.Comma(n) }

// Do does the first n records, as many at once as the Spec says, and gives how each ended to emit, in order.
func Do(ctx context.Context, in *Input, t task.Task, n int64, emit func(activities.Tried) error) error {
	type outcome struct {
		tried activities.Tried
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	trial := &activities.Trial{Spec: in.spec, Task: t}
	queue := make(chan chan outcome, in.spec.Concurrency-1) // with the one that is waited for, that many are in flight
	var readErr error
	go func() {
		defer close(queue)
		readErr = in.Each(ctx, n, func(r task.Record, bad *input.RecordError) error {
			c := make(chan outcome, 1)
			select {
			case queue <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
			go func() {
				tried, err := trial.Do(ctx, r, bad)
				c <- outcome{tried, err}
			}()
			return nil
		})
	}()
	var err error
	for c := range queue {
		o := <-c
		if err == nil {
			if err = o.err; err == nil {
				err = emit(o.tried)
			}
			if err != nil {
				cancel()
			}
		}
	}
	cancel()
	if err == nil {
		err = readErr
	}
	return err
}
