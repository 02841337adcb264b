package task

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Caller runs activities of other workers.
type Caller interface {
	// Call runs an activity once and returns its result as JSON. Its errors are classified. A context that is cancelled leaves a running
	// call alone, so that the next one of the same id finds it; one whose time is out ends it.
	Call(context.Context, Call) (json.RawMessage, error)
}

// Call is one call of an activity.
type Call struct {
	// ID is the same for a call that is made again: it takes over the one that runs, as after a worker's death.
	ID string
	// Anew says that one that still runs is nobody's, and ends.
	Anew            bool
	Activity, Queue string
	// Input is the activity's one argument, as JSON.
	Input json.RawMessage
}

// activity has an activity of any Temporal worker run for each record, or for a batch of them.
type activity struct {
	Activity string `json:"activity"`
	Queue    string `json:"queue"`
	Batch    int    `json:"batch"`

	caller Caller
	gather *gatherer
}

const (
	// maxPayload is how much one call takes, somewhat below Temporal's own limit of 2 MiB.
	maxPayload = 2<<20 - 16<<10
	// maxBatch bounds the records of one call.
	maxBatch = 10_000
)

func newActivity(c Config) (Task, error) {
	t := &activity{Batch: 1, caller: c.Caller}
	if err := decodeArgs(c.Args, t); err != nil {
		return nil, err
	}
	switch {
	case t.Activity == "":
		return nil, errors.New("args: activity: missing")
	case t.Queue == "":
		return nil, errors.New("args: queue: missing")
	case t.Batch < 1 || t.Batch > maxBatch:
		return nil, fmt.Errorf("args: batch: %d is not within 1 to %d", t.Batch, maxBatch)
	}
	if t.Batch > 1 {
		t.gather = newGatherer(min(t.Batch, max(1, c.Concurrency)), t.callAll)
	}
	return t, nil
}

// Resize implements Resizable.
func (t *activity) Resize(concurrency int) {
	if t.gather != nil {
		t.gather.resize(min(t.Batch, concurrency))
	}
}

func (t *activity) Do(ctx context.Context, r Record) (Result, error) {
	input, err := jsonOf(r)
	if err == nil && len(input) > maxPayload {
		err = fmt.Errorf("the record has %d bytes as JSON, more than the %d that an activity takes", len(input), maxPayload)
	}
	if err != nil {
		return Result{}, Fail(Permanent, err)
	}
	if t.gather != nil {
		return t.gather.do(ctx, member{key: r.IdempotencyKey(), input: input, again: r.Try > 1})
	}
	value, err := t.call(ctx, r.IdempotencyKey(), r.Try > 1, input)
	if err != nil {
		return Result{}, err
	}
	return jsonResult(value), nil
}

// call calls the activity. The call's id has the argument's hash in it: a call that still runs answers this one only.
func (t *activity) call(ctx context.Context, key string, again bool, input json.RawMessage) (json.RawMessage, error) {
	if t.caller == nil {
		return nil, Fail(Permanent, errors.New("no Temporal worker to call activities by"))
	}
	h := sha256.New()
	for _, part := range []string{t.Activity, t.Queue, string(input)} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return t.caller.Call(ctx, Call{
		ID: key + ":" + hex.EncodeToString(h.Sum(nil)[:6]), Anew: again, Activity: t.Activity, Queue: t.Queue, Input: input,
	})
}

// callAll calls the activity for a batch. One that fails for good may do so for the sake of a single record: each is then called alone.
func (t *activity) callAll(ctx context.Context, batch []member) []outcome {
	out := make([]outcome, len(batch))
	values, err := t.callBatch(ctx, batch)
	class, _ := Classify(err)
	switch {
	case err == nil:
		for i, v := range values {
			out[i].result = jsonResult(v)
		}
	case class == Permanent && len(batch) > 1:
		var wait sync.WaitGroup
		for i := range batch {
			wait.Go(func() { out[i] = t.callAll(ctx, batch[i:i+1])[0] })
		}
		wait.Wait()
	default:
		for i := range out {
			out[i].err = err
		}
	}
	return out
}

func (t *activity) callBatch(ctx context.Context, batch []member) ([]json.RawMessage, error) {
	inputs, again := make([]json.RawMessage, len(batch)), false
	for i, m := range batch {
		inputs[i], again = m.input, again || m.again
	}
	input, err := json.Marshal(inputs)
	if err != nil {
		return nil, Fail(Permanent, err)
	}
	value, err := t.call(ctx, batch[0].key, again, input)
	if err != nil {
		return nil, err
	}
	var values []json.RawMessage
	if err := json.Unmarshal(value, &values); err != nil || len(values) != len(batch) {
		return nil, Fail(Permanent, fmt.Errorf("activity %s: it answered %.100s to a batch of %d records (want an array of as many results)",
			t.Activity, value, len(batch)))
	}
	return values, nil
}

// gatherFor is how long the first record of a batch waits for others.
const gatherFor = 20 * time.Millisecond
