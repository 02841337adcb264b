// Package replay keeps histories of workflows that ran, and replays them with today's code: a running job must survive a new worker.
package replay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/workflows"
)

func replayer() worker.WorkflowReplayer {
	r := worker.NewWorkflowReplayer()
	r.RegisterWorkflowWithOptions(workflows.Map, workflow.RegisterOptions{Name: job.WorkflowType})
	return r
}

// kept returns the histories of the present version, and those of each release, which have a folder of their own.
func kept(t *testing.T) (files []string) {
	t.Helper()
	for _, pattern := range []string{"testdata/*.json", "testdata/v*/*.json"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 5 {
		t.Fatalf("%d histories: `make histories` records them", len(files))
	}
	return files
}

func TestKeptHistoriesReplay(t *testing.T) {
	for _, f := range kept(t) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(f, "testdata/"), ".json"), func(t *testing.T) {
			if err := replayer().ReplayWorkflowHistoryFromJSONFile(nil, f); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestEveryActivityHeartbeats holds that no activity waits for longer than a heartbeat's time-out for a worker that is gone, or never saw it.
func TestEveryActivityHeartbeats(t *testing.T) {
	files := kept(t)
	seen := 0
	for _, f := range files {
		h, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var history historypb.History
		if err := (temporalproto.CustomJSONUnmarshalOptions{DiscardUnknown: true}).Unmarshal(h, &history); err != nil {
			t.Fatal(err)
		}
		for _, e := range history.GetEvents() {
			a := e.GetActivityTaskScheduledEventAttributes()
			if a == nil {
				continue
			}
			seen++
			if d := a.GetHeartbeatTimeout().AsDuration(); d <= 0 || d > 10*time.Second {
				t.Errorf("%s: event %d, %s: heartbeat time-out %s", filepath.Base(f), e.GetEventId(), a.GetActivityType().GetName(), d)
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d activities in %d histories", seen, len(files))
	}
}

// TestBadHistoriesAreRejected shows that the check can fail: each of these histories was changed by hand into one that this workflow cannot have had.
func TestBadHistoriesAreRejected(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.json")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d histories, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".json"), func(t *testing.T) {
			if err := replayer().ReplayWorkflowHistoryFromJSONFile(nil, f); err == nil || !strings.Contains(err.Error(), "TMPRL1100") {
				t.Fatalf("replayed with %v, want a non-determinism error", err)
			}
		})
	}
}
