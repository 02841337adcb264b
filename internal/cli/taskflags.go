package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// taskOptions is the flags that choose the task, and what follows --.
type taskOptions struct {
	http, pipe, name, activity, queue string
	shell, fatalExit                  string
	batch                             int
	args                              []string
	command                           []string
	request                           httpOptions

	set *pflag.FlagSet
}

// taskHelp describes them.
func taskHelp(tasks task.Registry) string {
	return `The task is one of
  --http TEMPLATE      an HTTP request; TEMPLATE is its URL, a Go template over the record: '{{.}}' or 'https://host/{{.}}'; GET, unless
                       --method, --data and the flags that follow them say more: docs/http.md
  -- COMMAND ARG...    a command for each record; {} in an argument is the record, {#} its number, from 0;
                       without any {} the record is its standard input
  --shell TEXT         the same, run by sh -c: "$1" is the record, which is the standard input too; TEXT itself is never changed
  --pipe -- PROGRAM    programs that live on: each reads a record a line and prints a line for each, which it must flush
  --pipe=async -- PROGRAM
                       one program that has many records in hand at once, by JSON lines: docs/pipe.md
  --activity NAME      an activity of any Temporal worker, in any language, that serves --activity-queue: docs/activity.md
  --task NAME          a task by its name: ` + strings.Join(slices.Sorted(maps.Keys(tasks)), ", ") + `;
                       double waits --task-arg delay=1s and answers twice the number, echo answers the record`
}

func (o *taskOptions) register(f *pflag.FlagSet) {
	o.set = f
	f.StringVar(&o.http, "http", "", "request this URL for each record: a Go `template`; the flags from --method to --http2-prior-knowledge go with it")
	o.request.register(f)
	f.StringVar(&o.shell, "shell", "", "run this `text` by sh -c for each record: \"$1\" is the record")
	f.StringVar(&o.fatalExit, "fatal-exit", "", "exit `statuses` of a command or --shell after which a record fails at once, as in 2,64-78")
	f.StringVar(&o.pipe, "pipe", "", "feed the records to the program after --, which lives on; `mode` is lines, or async")
	f.Lookup("pipe").NoOptDefVal = "lines"
	f.StringVar(&o.activity, "activity", "", "run the activity of this type `name` on --activity-queue for each record")
	f.StringVar(&o.queue, "activity-queue", "", "task `queue` that the activity's worker serves")
	f.IntVar(&o.batch, "activity-batch", 1, "records that one call of the activity is given at most; above 1 as an array")
	f.StringVar(&o.name, "task", "", "run the task of this `name`")
	f.StringArrayVar(&o.args, "task-arg", nil, "argument of that task as `K=V`, repeatable")
}

// kinds is the ways to choose a task, as they were given.
func (o *taskOptions) kinds() []string {
	var kinds []string
	for _, flag := range []string{"http", "shell", "activity", "task"} {
		if o.set.Changed(flag) {
			kinds = append(kinds, "--"+flag)
		}
	}
	if len(o.command) > 0 {
		kinds = append(kinds, "-- COMMAND")
	}
	return kinds
}

// spec makes the flags a job.Task.
func (o *taskOptions) spec() (job.Task, error) {
	kinds := o.kinds()
	if err := o.request.needsHTTP(o.http); err != nil && len(kinds) > 0 {
		return job.Task{}, err
	}
	switch {
	case o.set.Changed("shell") && o.shell == "":
		return job.Task{}, errors.New("--shell needs a text to run")
	case o.set.Changed("pipe") && len(o.command) == 0:
		return job.Task{}, errors.New("--pipe goes with a program: --pipe -- PROGRAM ARG")
	case len(kinds) == 0:
		return job.Task{}, errors.New("no task given: one of --http, --shell, --activity, --task, or -- COMMAND")
	case len(kinds) > 1:
		return job.Task{}, fmt.Errorf("more than one task given: choose among %s", strings.Join(kinds, " and "))
	case len(o.args) > 0 && o.name == "":
		return job.Task{}, errors.New("--task-arg goes with --task")
	case o.set.Changed("fatal-exit") && (len(o.command) == 0 && o.shell == "" || o.set.Changed("pipe")):
		return job.Task{}, errors.New("--fatal-exit goes with -- COMMAND or --shell")
	case (o.set.Changed("activity-queue") || o.set.Changed("activity-batch")) && o.activity == "":
		return job.Task{}, errors.New("--activity-queue and --activity-batch go with --activity")
	case o.activity != "" && o.queue == "":
		return job.Task{}, errors.New("--activity needs --activity-queue, the task queue of its worker")
	case o.set.Changed("activity"):
		args := map[string]any{"activity": o.activity, "queue": o.queue}
		if o.set.Changed("activity-batch") {
			args["batch"] = o.batch
		}
		return taskOf("activity", args)
	case o.http != "":
		args, err := o.request.args(o.http)
		if err != nil {
			return job.Task{}, err
		}
		return taskOf(job.TaskHTTP, args)
	case o.set.Changed("pipe"):
		return taskOf("pipe", map[string]any{"command": o.command, "mode": o.pipe})
	case len(o.command) > 0:
		return o.execSpec("command", o.command)
	case o.set.Changed("shell"):
		return o.execSpec("shell", o.shell)
	}
	args := map[string]any{}
	for _, kv := range o.args {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			return job.Task{}, fmt.Errorf("--task-arg %q: want K=V", kv)
		}
		args[k] = v
	}
	return taskOf(o.name, args)
}

// execSpec makes the task exec of a command or a text for the shell.
func (o *taskOptions) execSpec(key string, value any) (job.Task, error) {
	args := map[string]any{key: value}
	if o.fatalExit != "" {
		args["fatalExit"] = o.fatalExit
	}
	return taskOf("exec", args)
}

// taskOf makes a job.Task of a name and its arguments.
func taskOf(name string, args map[string]any) (job.Task, error) {
	t := job.Task{Name: name}
	if len(args) == 0 {
		return t, nil
	}
	b, err := json.Marshal(args)
	t.Args = b
	return t, err
}
