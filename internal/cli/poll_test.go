package cli

import (
	"math/rand/v2"
	"testing"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/longhaul/longhaul/internal/dial"
)

// Of several activities in trouble, in whatever order the server gives them, the one that was scheduled first tells what the job waits for.
func TestTheFirstActivityInTroubleIsShown(t *testing.T) {
	failed := func(id, message string) *workflow.PendingActivityInfo {
		return &workflow.PendingActivityInfo{
			ActivityId: id, State: enums.PENDING_ACTIVITY_STATE_SCHEDULED, Attempt: 2, LastFailure: &failure.Failure{Message: message},
		}
	}
	e := &engine{settings: dial.Settings{Options: client.Options{DataConverter: converter.GetDefaultDataConverter()}}}
	running := &workflow.PendingActivityInfo{ActivityId: "5", State: enums.PENDING_ACTIVITY_STATE_STARTED, Attempt: 1}
	pending := []*workflow.PendingActivityInfo{failed("100", "later"), failed("12", "later"), running, failed("9", "first")}
	for range 20 {
		rand.Shuffle(len(pending), func(i, j int) { pending[i], pending[j] = pending[j], pending[i] })
		if got := e.failing(inOrder(pending)); got != "first (try 2)" {
			t.Fatalf("%q is shown", got)
		}
	}
}
