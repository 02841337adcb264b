package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/longhaul/longhaul/internal/devserver"
	"github.com/longhaul/longhaul/internal/dial"
)

// perRecord is what Temporal's samples do: an activity for each record, with the results in the history, on the server that longhaul runs too.
var perRecord = &candidate{
	name: "per-record", is: "a Temporal activity for each record on the same kind of server, in a workflow that continues as new every 500 records",
	missing: needs(map[string]string{"temporal": "nothing; make build"}),
	run: func(ctx context.Context, b *bench, g given) (sample, error) {
		r, err := execute(ctx, nil, b.self, arguments("per-record", "-in-flight", strconv.Itoa(g.InFlight), "-state", g.state, g.input, g.output, g.url))
		return r.sample, err
	},
}

// perRecordRun is a run of the workflow.
type perRecordRun struct {
	Input, Output, URL string
	InFlight           int
	Offset             int64 // in the input
}

// recordsPerRun keeps a history under the 2,000 or so events at which Temporal suggests to continue as new.
const recordsPerRun = 500

// recordPage is some records of the input.
type recordPage struct {
	Records []string
	Next    int64 // offset
	End     bool
}

// perRecordWorkflow maps a page of the input with InFlight activities at once, writes the results in order, and continues as new.
func perRecordWorkflow(ctx workflow.Context, r perRecordRun) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var a *perRecordActivities
	var page recordPage
	if err := workflow.ExecuteActivity(ctx, a.Read, r.Input, r.Offset).Get(ctx, &page); err != nil {
		return err
	}
	results := make([]string, len(page.Records))
	running := 0
	var failed error
	s := workflow.NewSelector(ctx)
	for i, record := range page.Records {
		for running == r.InFlight {
			s.Select(ctx)
		}
		running++
		s.AddFuture(workflow.ExecuteActivity(ctx, a.Fetch, r.URL+record), func(f workflow.Future) {
			running--
			failed = errors.Join(failed, f.Get(ctx, &results[i]))
		})
	}
	for running > 0 {
		s.Select(ctx)
	}
	if failed != nil {
		return failed
	}
	if err := workflow.ExecuteActivity(ctx, a.Write, r.Output, results).Get(ctx, nil); err != nil {
		return err
	}
	if page.End {
		return nil
	}
	r.Offset = page.Next
	return workflow.NewContinueAsNewError(ctx, perRecordWorkflow, r)
}

type perRecordActivities struct{ client *http.Client }

// Read reads the records of a run.
func (*perRecordActivities) Read(_ context.Context, path string, offset int64) (p recordPage, err error) {
	f, err := os.Open(path)
	if err != nil {
		return p, err
	}
	defer f.Close()
	r := bufio.NewReader(io.NewSectionReader(f, offset, 1<<62))
	for p.Next = offset; len(p.Records) < recordsPerRun; {
		line, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			p.End = true
			return p, nil
		}
		if err != nil {
			return p, err
		}
		p.Next += int64(len(line))
		p.Records = append(p.Records, strings.TrimSuffix(line, "\n"))
	}
	_, err = r.Peek(1)
	p.End = errors.Is(err, io.EOF)
	return p, nil
}

// Fetch makes the request of a record.
func (a *perRecordActivities) Fetch(ctx context.Context, url string) (string, error) {
	b, err := fetch(ctx, a.client, url)
	return string(b), err
}

// Write appends a run's results, without a care for a retry that finds them there.
func (*perRecordActivities) Write(_ context.Context, path string, results []string) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	for _, r := range results {
		w.WriteString(r)
		w.WriteByte('\n')
	}
	return w.Flush()
}

// perRecordJob is the process: server, worker and starter.
func perRecordJob(ctx context.Context, args []string) error {
	set := flag.NewFlagSet("per-record", flag.ExitOnError)
	inFlight := set.Int("in-flight", 200, "activities in flight")
	state := set.String("state", "", "state folder")
	if err := set.Parse(args); err != nil {
		return err
	}
	o := client.Options{Logger: slog.New(slog.DiscardHandler)}
	s, err := devserver.Start(ctx, devserver.Options{StateDir: *state, Client: o})
	if err != nil {
		return err
	}
	defer s.Close()
	o.HostPort = s.Address
	c, err := dial.Connect(ctx, o, 10*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	const queue = "per-record"
	w := worker.New(c, queue, worker.Options{
		MaxConcurrentActivityExecutionSize: *inFlight, MaxConcurrentActivityTaskPollers: 20, WorkflowPanicPolicy: worker.FailWorkflow,
	})
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, *inFlight
	w.RegisterWorkflow(perRecordWorkflow)
	w.RegisterActivity(&perRecordActivities{client: &http.Client{Transport: transport}})
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	begun := time.Now()
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: queue, TaskQueue: queue}, perRecordWorkflow,
		perRecordRun{Input: set.Arg(0), Output: set.Arg(1), URL: set.Arg(2), InFlight: *inFlight})
	if err != nil {
		return err
	}
	if err := run.Get(ctx, nil); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s%f\n", work, time.Since(begun).Seconds())
	return nil
}
