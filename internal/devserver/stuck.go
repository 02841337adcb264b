package devserver

import (
	"context"
	"strings"
	"time"
)

// attend waits for the child's end, and brings it about where the child is stuck. Its error is that of ctx.
func (s *Server) attend(ctx context.Context, c *child) error {
	t := time.NewTicker(stuckEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.exited:
			return nil
		case <-t.C:
			if s.stuck(ctx, s.Endpoint) {
				c.stop(0)
			}
		}
	}
}

const (
	stuckEvery = 5 * time.Second
	stuckTries = 3
	stuckPause = 500 * time.Millisecond
	// interrupted is SQLite's result code 9. The server's one connection to its database answers every call with it, for good, when a
	// call was given up at the wrong moment. Seen on a machine under heavy load; a start of the server cures it.
	interrupted = "interrupted (9)"
)

// stuck says whether the server's database refuses every call.
func (s *Server) stuck(ctx context.Context, e Endpoint) bool {
	for range stuckTries {
		err := s.serves(ctx, e)
		if err == nil || !strings.Contains(err.Error(), interrupted) || sleep(ctx, stuckPause) != nil {
			return false
		}
	}
	return true
}
