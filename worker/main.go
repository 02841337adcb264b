// Command longhaul-worker does the work of longhaul's jobs: it serves the task queues longhaul (workflows and files) and longhaul-io (tasks)
// of a Temporal server, until it is told to stop.
package main

import "github.com/longhaul/longhaul"

func main() { longhaul.WorkerMain(nil) }
