// Command longhaul-worker does the work of longhaul's jobs: it serves the task queues longhaul (workflows and files) and longhaul-io (tasks)
// of a Temporal server, until it is told to stop.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
