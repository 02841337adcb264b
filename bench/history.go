package main

import (
	"context"
	"log/slog"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/longhaul/longhaul/internal/devserver"
	"github.com/longhaul/longhaul/internal/dial"
	"github.com/longhaul/longhaul/job"
)

// countEvents starts the server of a run's state folder again and counts the events of the job's histories, over all runs of its chain.
func countEvents(ctx context.Context, g given) (events, runs int, err error) {
	quiet := client.Options{Logger: slog.New(slog.DiscardHandler)}
	s, err := devserver.Start(ctx, devserver.Options{StateDir: g.state, Client: quiet})
	if err != nil {
		return 0, 0, err
	}
	defer s.Close()
	quiet.HostPort = s.Address
	c, err := dial.Connect(ctx, quiet, 10*time.Second)
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	id := job.IDOf(g.output)
	d, err := c.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return 0, 0, err
	}
	for run := d.GetWorkflowExecutionInfo().GetExecution().GetRunId(); run != ""; runs++ {
		before := ""
		it := c.GetWorkflowHistory(ctx, id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for it.HasNext() {
			e, err := it.Next()
			if err != nil {
				return 0, 0, err
			}
			events++
			if s := e.GetWorkflowExecutionStartedEventAttributes(); s != nil {
				before = s.GetContinuedExecutionRunId()
			}
		}
		run = before
	}
	return events, runs, nil
}
