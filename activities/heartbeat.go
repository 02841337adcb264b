package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// heartbeatEvery is how often an activity says that it is alive, whether it gets on or waits.
const heartbeatEvery = time.Second

// heartbeat records a heartbeat now and then until the returned function is called, with what details returns, where it is not nil. The first
// one is due after heartbeatEvery: most activities are over by then, and each heartbeat is a write for the server. It goes on when the activity is told to stop: what is in flight may take a while to end.
func heartbeat(ctx context.Context, details func() any) (stop func()) {
	ctx = context.WithoutCancel(ctx)
	done := make(chan struct{})
	ended := make(chan struct{})
	beat := func() {
		if details == nil {
			activity.RecordHeartbeat(ctx)
		} else {
			activity.RecordHeartbeat(ctx, details())
		}
	}
	go func() {
		defer close(ended)
		t := time.NewTicker(heartbeatEvery)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				beat()
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
