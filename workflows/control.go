package workflows

import (
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/longhaul/longhaul/job"
)

// The cap, the rate and the pause of a job that runs are changed by updates and signals. What then becomes of the chunks in work is share.go's.

// listen registers the updates, the signals of the same names, and what the chunks ask.
func (c *coordinator) listen() error {
	const pause, resume = "Begin no further try; what is in flight ends, and what is done is written.", "Go on after a pause."
	const set = `Change the cap or the rate: {"concurrency": 50, "rate": "100/s", "burst": 10}; what is not named stays, the rate "none" is no bound.`
	c.woken = workflow.NewBufferedChannel(c.root, 1)
	signal := func(name, description string) workflow.ReceiveChannel {
		return workflow.GetSignalChannelWithOptions(c.root, name, workflow.SignalChannelOptions{Description: description})
	}
	c.returned = signal(job.SignalSlotsReturned, "From the job's own chunks only: slots that they cannot use any more.")
	c.seals = signal(job.SignalChunkSealed, "From the job's own chunks only: one that is done, but for its slots.")
	c.pauses, c.resumes, c.sets = signal(job.UpdatePause, pause), signal(job.UpdateResume, resume), signal(job.UpdateSet, set)
	return errors.Join(
		workflow.SetUpdateHandlerWithOptions(c.root, job.UpdatePause,
			func(workflow.Context) (job.Control, error) { return c.paused(true), nil }, workflow.UpdateHandlerOptions{Description: pause}),
		workflow.SetUpdateHandlerWithOptions(c.root, job.UpdateResume,
			func(workflow.Context) (job.Control, error) { return c.paused(false), nil }, workflow.UpdateHandlerOptions{Description: resume}),
		workflow.SetUpdateHandlerWithOptions(c.root, job.UpdateSet,
			func(_ workflow.Context, raw json.RawMessage) (job.Control, error) {
				to, err := c.set(raw)
				return to, refusal(err)
			},
			workflow.UpdateHandlerOptions{Description: set, Validator: func(raw json.RawMessage) error {
				_, err := c.setting(raw)
				return refusal(err)
			}}),
		workflow.SetQueryHandlerWithOptions(c.root, job.QueryTargets, func(since int64) (job.Targets, error) { return c.targets(since), nil },
			workflow.QueryHandlerOptions{Description: "From the job's own chunks only: how many slots they shall have."}),
	)
}

// heed has a selector take the signals, and the word of an update.
func (c *coordinator) heed(s workflow.Selector) {
	s.AddReceive(c.woken, func(ch workflow.ReceiveChannel, _ bool) { ch.Receive(c.root, nil) })
	s.AddReceive(c.pauses, func(ch workflow.ReceiveChannel, _ bool) { c.signaled(ch, c.pausedBySignal(true)) })
	s.AddReceive(c.resumes, func(ch workflow.ReceiveChannel, _ bool) { c.signaled(ch, c.pausedBySignal(false)) })
	s.AddReceive(c.sets, func(ch workflow.ReceiveChannel, _ bool) { c.signaled(ch, c.setBySignal) })
}

// signaled does what all signals that have come ask for.
func (c *coordinator) signaled(ch workflow.ReceiveChannel, do func(json.RawMessage)) {
	for {
		var raw json.RawMessage
		if !ch.ReceiveAsync(&raw) {
			return
		}
		do(raw)
	}
}

// heardOut takes the signals that nobody waits for any more: the next run would not get them.
func (c *coordinator) heardOut() {
	c.signaled(c.pauses, c.pausedBySignal(true))
	c.signaled(c.resumes, c.pausedBySignal(false))
	c.signaled(c.sets, c.setBySignal)
}

func (c *coordinator) pausedBySignal(yes bool) func(json.RawMessage) {
	return func(json.RawMessage) { c.paused(yes) }
}

// setBySignal refuses a setting on the job's page, and in the worker's log: nobody waits for an answer.
func (c *coordinator) setBySignal(raw json.RawMessage) {
	if _, err := c.set(raw); err != nil {
		c.refused = err.Error()
		workflow.GetLogger(c.root).Warn("a signal was refused", "error", err)
		c.tellChange()
	}
}

func (c *coordinator) paused(yes bool) job.Control {
	to := c.control
	to.Paused = yes
	return c.steer(to)
}

// setting is the control that a setting asks for.
func (c *coordinator) setting(raw json.RawMessage) (job.Control, error) {
	s, err := job.ParseSetting(raw)
	if err != nil {
		return job.Control{}, err
	}
	to, err := s.Apply(c.control)
	if err == nil && s.Concurrency != nil && c.ceiling > 0 && to.Concurrency > c.ceiling {
		err = &job.Error{
			Kind: job.Refused, Op: "set", Err: fmt.Errorf("concurrency: %d is more than the job's workers allow, which is %d", to.Concurrency, c.ceiling),
			Hint: "ask for that much at most, or have their operator raise --max-concurrency",
		}
	}
	return to, err
}

// refusal makes an error an update's.
func refusal(err error) error {
	if err == nil {
		return nil
	}
	return temporal.NewNonRetryableApplicationError(err.Error(), string(job.KindOf(err)), nil)
}

func (c *coordinator) set(raw json.RawMessage) (job.Control, error) {
	to, err := c.setting(raw)
	if err != nil {
		return job.Control{}, err
	}
	return c.steer(to), nil
}

// steer has the job go on as asked: from now on what is started, and what is in work as soon as its workers hear of it.
func (c *coordinator) steer(to job.Control) job.Control {
	before := c.entitled()
	c.control, c.refused = to, ""
	c.spec = newRated(c.spec.Controlled(to))
	c.free = c.free.plus(c.entitled()).minus(before)
	c.steered, c.anew = true, true
	c.woken.SendAsync(true)
	c.tellChange()
	return to
}

// tellChange has the job's page tell of a change at once, where it has told of the job before.
func (c *coordinator) tellChange() {
	if len(c.marks) > 0 {
		c.tell()
	}
}

// targets tells the chunks what has changed since a revision.
func (c *coordinator) targets(since int64) job.Targets {
	t := job.Targets{Revision: c.revision}
	if since == c.revision {
		return t
	}
	t.Concurrency = c.spec.Concurrency
	for _, l := range c.running {
		t.Chunks = append(t.Chunks, job.Target{
			First: l.chunk.First, Granted: l.since.UnixNano(), Revision: l.revision, Slots: l.target.slots, Rate: c.rateOf(l), Answer: l.held != l.target,
		})
	}
	return t
}

// rateOf is a lane's share of the rate; nil where that has no bound.
func (c *coordinator) rateOf(l *lane) *job.RateShare {
	if c.spec.perSecond == 0 {
		return nil
	}
	return &job.RateShare{PerSecond: l.target.perSecond, Burst: l.target.burst, Slots: l.target.slots}
}
