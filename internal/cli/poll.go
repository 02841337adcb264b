package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/longhaul/longhaul/internal/progress"
	"github.com/longhaul/longhaul/job"
)

const (
	// pollEvery is how often a job is asked how far it is.
	pollEvery = 250 * time.Millisecond
	// queryTimeout bounds one question; without a worker there is no answer.
	queryTimeout = 2 * time.Second
	// servedEvery is how often the task queues are checked while the job does not answer.
	servedEvery = 5 * time.Second

	noAnswer = "the workers do not answer"
)

// poll sends snapshots of the job until ctx ends.
func (e *engine) poll(ctx context.Context, j *started, begun time.Time, to chan<- progress.Snapshot) {
	var s progress.Snapshot
	var meter progress.Meter
	var checked time.Time
	first, answered := true, false
	t := time.NewTicker(pollEvery)
	defer t.Stop()
	for {
		n, err := e.snapshot(ctx, j)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			if first {
				first = false
				n.Before = n.Done
				if !j.joined {
					n.Before = n.Written // what a former run left half-done counts as done now
				}
			} else {
				n.Before = s.Before
			}
			s, answered = n, true
		case sealed(err):
			s.Trouble = err.Error()
		case time.Since(checked) >= servedEvery:
			checked = time.Now()
			s.Trouble = ""
			if !e.answers(ctx) {
				s.Trouble = fmt.Sprintf("the server at %s does not answer", e.settings.HostPort)
			} else if s.Trouble = e.silence(ctx, j.id); s.Trouble == "" && answered {
				s.Trouble = noAnswer
			}
		}
		s.Elapsed = time.Since(begun)
		if answered {
			meter.Measure(&s)
		}
		if answered || s.Trouble != "" {
			select {
			case to <- s:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// answers says whether the server does.
func (e *engine) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	_, err := e.client.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	return err == nil
}

// snapshot asks the workflow how far the output is, and the server what its activities are doing.
func (e *engine) snapshot(ctx context.Context, j *started) (progress.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	v, err := e.client.QueryWorkflow(ctx, j.id, "", job.QueryProgress)
	if err != nil {
		return progress.Snapshot{}, err
	}
	var p job.Progress
	if err := v.Get(&p); err != nil {
		return progress.Snapshot{}, err
	}
	s := progress.Snapshot{
		Done: p.Position.Records + p.CommittedAhead + p.Ahead, Written: p.Position.Records + p.CommittedAhead, Failed: p.Totals.Failed + p.AheadFailed, Cap: p.Control.Concurrency, MaxRate: string(p.Control.Rate), Paused: p.Control.Paused,
		Total: p.Estimate(j.spec.Selection), Estimated: !p.ListedAll,
	}
	if s.Cap == 0 { // of an older worker
		s.Cap = j.spec.Concurrency
	}
	d, err := e.client.DescribeWorkflowExecution(ctx, j.id, "")
	if err != nil {
		return progress.Snapshot{}, err
	}
	var slowest *job.Slowest
	pending := inOrder(d.GetPendingActivities())
	for _, a := range pending {
		if h := e.addPending(&s, a); h != nil && (slowest == nil || h.Index < slowest.Index) {
			slowest = h
		}
	}
	if s.Trouble == "" {
		s.Trouble = e.failing(pending)
	}
	if s.Paused {
		s.Trouble = "it is paused; `longhaul resume " + j.id + "` goes on"
	}
	s.Ahead = s.Done - p.Position.Records
	if slowest != nil {
		s.Ahead = s.Done - slowest.Index
		s.Slowest = &progress.Slowest{Record: slowest.Record, Seconds: slowest.Seconds, Cause: slowest.Cause}
	}
	s.Ahead = max(0, s.Ahead)                         // the heartbeats are older than the position
	s.InFlight = min(s.InFlight, max(s.Cap, p.Slots)) // they are of different moments, and slots go round between chunks
	if len(d.GetPendingActivities()) > 0 && s.Trouble == "" && s.InFlight == 0 && !s.Paused {
		if queues := e.unserved(ctx); len(queues) > 0 {
			s.Trouble = warnUnserved(e, queues)
		}
	}
	return s, nil
}

// inOrder returns activities in the order in which the workflow scheduled them, so that of several troubles always the same one is shown: that of the chunk
// which the output waits for, where that has one. The server gives them in any order; the SDK numbers them.
func inOrder(pending []*workflow.PendingActivityInfo) []*workflow.PendingActivityInfo {
	return slices.SortedFunc(slices.Values(pending), func(a, b *workflow.PendingActivityInfo) int {
		return cmp.Or(cmp.Compare(len(a.GetActivityId()), len(b.GetActivityId())), cmp.Compare(a.GetActivityId(), b.GetActivityId()))
	})
}

// addPending adds what a running activity tells of itself, and returns the record that holds its chunk up, where it tells of one.
func (e *engine) addPending(s *progress.Snapshot, a *workflow.PendingActivityInfo) *job.Slowest {
	var h job.Heartbeat
	if a.GetActivityType().GetName() == job.ActivityProcessChunk && a.GetHeartbeatDetails() != nil {
		if e.settings.DataConverter.FromPayloads(a.GetHeartbeatDetails(), &h) == nil {
			s.Done += int64(h.Done)
			s.Failed += h.Failed
			if a.GetState() == enums.PENDING_ACTIVITY_STATE_STARTED {
				s.InFlight += h.InFlight
				if s.Trouble == "" {
					s.Trouble = h.Trouble
				}
			}
		}
	}
	return h.Slowest
}

// failing tells why the first activity that waits for its next attempt failed; it is empty where none does.
func (e *engine) failing(pending []*workflow.PendingActivityInfo) string {
	for _, a := range pending {
		if a.GetAttempt() <= 1 || a.GetState() == enums.PENDING_ACTIVITY_STATE_STARTED || a.GetLastFailure() == nil {
			continue
		}
		converter.DecodeCommonFailureAttributes(e.settings.DataConverter, a.GetLastFailure())
		message := strings.Join(strings.Fields(a.GetLastFailure().GetMessage()), " ")
		if at := a.GetNextAttemptScheduleTime(); at != nil {
			if in := time.Until(at.AsTime()); in > 0 {
				return fmt.Sprintf("%s (try %d in %s)", message, a.GetAttempt(), in.Round(time.Second))
			}
		}
		return fmt.Sprintf("%s (try %d)", message, a.GetAttempt())
	}
	return ""
}
