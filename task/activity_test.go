package task

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// fakeCaller answers calls in this process, and remembers them.
type fakeCaller struct {
	answer func(context.Context, Call) (json.RawMessage, error)

	mu    sync.Mutex
	calls []Call
}

func (f *fakeCaller) Call(ctx context.Context, c Call) (json.RawMessage, error) {
	f.mu.Lock()
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	return f.answer(ctx, c)
}

// echoed answers the argument itself.
func echoed(_ context.Context, c Call) (json.RawMessage, error) { return c.Input, nil }

func activityTask(t *testing.T, f *fakeCaller, batch int) Task {
	t.Helper()
	made, err := Builtin().New("activity", Config{
		Args: []byte(fmt.Sprintf(`{"activity":"A","queue":"Q","batch":%d}`, batch)), Concurrency: 100, Caller: f,
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestAnActivityIsCalledForEachRecord(t *testing.T) {
	f := &fakeCaller{answer: echoed}
	made := activityTask(t, f, 1)
	for _, record := range []string{"", `a "b" <ü>`, "1"} {
		r, err := do(t.Context(), made, record)
		wantValue(t, r, err, record)
	}
	r, err := made.Do(t.Context(), Record{Number: 7, Job: "job", Try: 2, Input: []byte(`{"a":1}`), JSON: true})
	if err != nil || string(r.Value) != `{"a":1}` || !r.JSON {
		t.Errorf("got %q, %v", r.Value, err)
	}
	ids := map[string]bool{}
	for i, c := range f.calls {
		if ids[c.ID] || !strings.HasPrefix(c.ID, "job:7:") || c.Activity != "A" || c.Queue != "Q" || c.Anew != (i == 3) {
			t.Errorf("call %d: %+v", i, c)
		}
		ids[c.ID] = true // another argument makes another call
	}
}

func TestACallThatIsMadeAgainHasItsID(t *testing.T) {
	f := &fakeCaller{answer: echoed}
	for range 2 { // two workers
		if _, err := do(t.Context(), activityTask(t, f, 1), "x"); err != nil {
			t.Fatal(err)
		}
	}
	if f.calls[0].ID != f.calls[1].ID {
		t.Errorf("%q, then %q", f.calls[0].ID, f.calls[1].ID)
	}
}

func TestRecordsInFlightShareACall(t *testing.T) {
	f := &fakeCaller{answer: echoed}
	made := activityTask(t, f, 5)
	var records []string
	for i := range 20 {
		records = append(records, fmt.Sprint("record ", i))
	}
	results, errs := ask(t.Context(), made, records...)
	for i, want := range records {
		wantValue(t, results[i], errs[i], want)
	}
	total := 0
	for _, c := range f.calls {
		var batch []string
		if err := json.Unmarshal(c.Input, &batch); err != nil || len(batch) > 5 {
			t.Errorf("call of %s, %v", c.Input, err)
		}
		total += len(batch)
	}
	if total != 20 || len(f.calls) == 20 {
		t.Errorf("%d records in %d calls", total, len(f.calls))
	}
}

func TestABatchFitsAPayload(t *testing.T) {
	f := &fakeCaller{answer: echoed}
	var records []string
	for range 6 {
		records = append(records, strings.Repeat("x", 700<<10))
	}
	_, errs := ask(t.Context(), activityTask(t, f, 6), records...)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, c := range f.calls {
		if len(c.Input) > 2<<20 {
			t.Errorf("a call of %d bytes", len(c.Input))
		}
	}
	for _, batch := range []int{1, 6} {
		_, err := do(t.Context(), activityTask(t, f, batch), strings.Repeat("x", 2<<20))
		wantFailure(t, err, Permanent, "more than the", "that an activity takes")
	}
}

// TestOneBadRecordDoesNotFailItsBatch: what fails for good is called alone.
func TestOneBadRecordDoesNotFailItsBatch(t *testing.T) {
	f := &fakeCaller{answer: func(_ context.Context, c Call) (json.RawMessage, error) {
		if strings.Contains(string(c.Input), "bad") {
			return nil, Fail(Permanent, errors.New("no such thing"))
		}
		return c.Input, nil
	}}
	records := []string{"a", "b", "bad", "c"}
	results, errs := ask(t.Context(), activityTask(t, f, 4), records...)
	for i, want := range records {
		if want == "bad" {
			wantFailure(t, errs[i], Permanent, "no such thing")
			continue
		}
		wantValue(t, results[i], errs[i], want)
	}
}

func TestAFailureOfABatchIsEachRecords(t *testing.T) {
	f := &fakeCaller{answer: func(context.Context, Call) (json.RawMessage, error) { return nil, errors.New("down") }}
	_, errs := ask(t.Context(), activityTask(t, f, 4), "a", "b", "c", "d")
	for _, err := range errs {
		wantFailure(t, err, Transient, "down")
	}
}

func TestABatchIsAnsweredByAsManyResults(t *testing.T) {
	for _, answer := range []string{`[]`, `["a","b","c"]`, `"a"`, `null`} {
		f := &fakeCaller{answer: func(_ context.Context, c Call) (json.RawMessage, error) { return json.RawMessage(answer), nil }}
		_, errs := ask(t.Context(), activityTask(t, f, 2), "a", "b")
		failed := slices.ContainsFunc(errs, func(err error) bool {
			return err != nil && strings.Contains(err.Error(), "want an array of as many results")
		})
		if !failed {
			t.Errorf("%s: %v", answer, errs)
		}
	}
}

func TestABatchEndsWithTheLastThatWaits(t *testing.T) {
	called, ended := make(chan struct{}), make(chan error, 1)
	f := &fakeCaller{answer: func(ctx context.Context, _ Call) (json.RawMessage, error) {
		close(called)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil, ctx.Err()
	}}
	ctx := newDeadline(t)
	go func() {
		<-called
		close(ctx.done)
	}()
	_, errs := ask(ctx, activityTask(t, f, 2), "a", "b")
	for _, err := range errs {
		wantFailure(t, err, Retryable, "deadline")
	}
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the call ended by %v", err)
	}
}

func TestBadActivityArguments(t *testing.T) {
	for name, c := range map[string]struct{ args, want string }{
		"no activity":   {`{"queue":"q"}`, "activity: missing"},
		"no queue":      {`{"activity":"a"}`, "queue: missing"},
		"batch of none": {`{"activity":"a","queue":"q","batch":0}`, "batch: 0 is not within 1 to 10000"},
		"vast batch":    {`{"activity":"a","queue":"q","batch":10001}`, "batch: 10001 is not within"},
		"unknown field": {`{"activity":"a","queue":"q","x":1}`, `unknown field "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Builtin().New("activity", Config{Args: []byte(c.args)})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
