package workers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/task"
)

func TestHowACallFailedTellsWhetherToTryAgain(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		class task.Class
		after time.Duration
		want  string
	}{
		"an application error": {temporal.NewApplicationError("no luck", "T"), task.Transient, 0, "activity A: no luck"},
		"for good":             {temporal.NewNonRetryableApplicationError("no use", "T", nil), task.Permanent, 0, "activity A: no use"},
		"with a delay": {
			temporal.NewApplicationErrorWithOptions("later", "T", temporal.ApplicationErrorOptions{NextRetryDelay: time.Minute}),
			task.Transient, time.Minute, "later",
		},
		"late":              {temporal.NewTimeoutError(enums.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, nil), task.Transient, 0, "is there a worker for the task queue Q?"},
		"canceled":          {temporal.NewCanceledError(), task.Transient, 0, "workflow I was canceled"},
		"too large":         {serviceerror.NewInvalidArgument("BadScheduleActivityAttributes"), task.Permanent, 0, "BadSchedule"},
		"server gone":       {serviceerror.NewUnavailable("gone"), task.Transient, 0, "gone"},
		"of unknown origin": {errors.New("x"), task.Transient, 0, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			err := callFailed(task.Call{ID: "I", Activity: "A", Queue: "Q"}, time.Second, fmt.Errorf("workflow failed: %w", c.err))
			class, after := task.Classify(err)
			if class != c.class || after != c.after || !strings.Contains(err.Error(), c.want) {
				t.Errorf("class %d after %s: %v; want class %d after %s and %q", class, after, err, c.class, c.after, c.want)
			}
		})
	}
}
