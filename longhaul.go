// Package longhaul makes a program of one's own of longhaul: Go functions, registered by name, run for each record of an input larger than
// memory, many at once, with their results in the input's order, each written exactly once.
//
//	func main() {
//		longhaul.Main(longhaul.Tasks{"fetch": fetch})
//	}
//
// That is the whole program longhaul, with one more task: "mine run ids.txt --output users.txt --task fetch" runs a job, with a server and a
// worker of its own where no server is configured, and "mine worker --address ..." does the work for a server. A job that names such a task
// must be worked on by such programs only: a plain longhaul-worker on the same task queues refuses it.
package longhaul

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/term"

	"github.com/longhaul/longhaul/internal/cli"
	"github.com/longhaul/longhaul/task"
)

// Tasks is functions by the name that --task, or task.name of a job's JSON, gives them. Each does the slow I/O of one record; see task.Func.
//
// Of a task a job remembers its name only. A function that answers otherwise than before under the same name goes on with a half-done
// output as if it were the same.
type Tasks map[string]func(context.Context, task.Record) (task.Result, error)

// Main runs the program longhaul, with the tasks beside those built in, and exits with its status.
func Main(tasks Tasks) { os.Exit(program(tasks).Run(os.Args[1:])) }

// WorkerMain runs the program longhaul-worker, with the tasks beside those built in, and exits with its status.
func WorkerMain(tasks Tasks) { os.Exit(program(tasks).RunWorker(os.Args[1:])) }

func program(tasks Tasks) *cli.Program {
	registry, err := tasks.registry()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	p := &cli.Program{
		Name: filepath.Base(os.Args[0]), Tasks: registry, Own: len(tasks) > 0,
		Stdout: os.Stdout, Stderr: os.Stderr, Terminal: term.IsTerminal(int(os.Stderr.Fd())), Signals: signals,
		Colour: os.Getenv("NO_COLOR") == "", Browser: cli.Browser(),
	}
	if os.Getenv("TERM") == "dumb" {
		p.Terminal = false // it cannot draw a bar
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		p.Stdin = os.Stdin
	}
	return p
}

// registry brings the tasks together with those built in.
func (t Tasks) registry() (task.Registry, error) {
	r := task.Builtin()
	for name, do := range t {
		switch {
		case name == "":
			return nil, fmt.Errorf("longhaul: a task has no name")
		case do == nil:
			return nil, fmt.Errorf("longhaul: task %q: its function is nil", name)
		case r[name] != nil:
			return nil, fmt.Errorf("longhaul: task %q: that is the name of a task built in", name)
		}
		r[name] = task.Func(do)
	}
	return r, nil
}
