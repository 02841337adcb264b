package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/longhaul/longhaul/internal/guard"
	"github.com/longhaul/longhaul/task"
)

// guardOptions is the flags that say what jobs may do on a worker. docs/security.md describes them.
type guardOptions struct {
	roots, tasks, hosts, variables                      []string
	denyPrivate, denySelect                             bool
	concurrency, chunkRecords, windowChunks             int
	chunkBytes, windowBytes, resultBytes, unpackedBytes string
	timeout                                             time.Duration

	set *pflag.FlagSet
}

// programTasks are the tasks that run programs, which may do whatever the worker's user may.
var programTasks = []string{"exec", "pipe"}

func (o *guardOptions) register(f *pflag.FlagSet) {
	o.set = f
	f.StringSliceVar(&o.roots, "root", nil, "`folder` that inputs, outputs and certificates must be in, repeatable (default: anywhere)")
	f.StringSliceVar(&o.tasks, "allow-task", nil, "`task` that jobs may do, repeatable, and no other (default: all but "+strings.Join(programTasks, " and ")+")")
	f.StringSliceVar(&o.hosts, "allow-host", nil, "`host` that requests may go to, repeatable: api.example.com, *.example.com, 10.1.0.0/16, each with :port or without (default: all)")
	f.BoolVar(&o.denyPrivate, "deny-private", false, "refuse requests to private, loopback and link-local addresses, and others that are not of the public Internet")
	f.StringSliceVar(&o.variables, "allow-env", nil, "environment `variable`, or pattern, that requests may tell, repeatable (default: all but TEMPORAL_* and LONGHAUL_*)")
	f.BoolVar(&o.denySelect, "deny-select", false, "refuse jobs with expressions (--select-input, --select)")
	f.IntVar(&o.concurrency, "max-concurrency", 0, "refuse jobs with more `tasks` in flight")
	f.DurationVar(&o.timeout, "max-timeout", 0, "refuse jobs with longer tries")
	f.IntVar(&o.chunkRecords, "max-chunk-records", 0, "refuse jobs with more `records` in a chunk")
	f.StringVar(&o.chunkBytes, "max-chunk-bytes", "", "refuse jobs with a larger `size` of a chunk, as in 64MB")
	f.IntVar(&o.windowChunks, "max-window-chunks", 0, "refuse jobs with more `chunks` ahead of the output")
	f.StringVar(&o.windowBytes, "max-window-bytes", "", "refuse jobs with a larger `size` ahead of the output")
	f.StringVar(&o.resultBytes, "max-result", "", "fail records whose result is of a larger `size`")
	f.StringVar(&o.unpackedBytes, "max-unpacked", "", "refuse compressed inputs that unpack to a larger `size`")
}

// proxies are the variables that make net/http send requests through another host.
var proxies = []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"}

// policy is what the flags say, for a worker that has those tasks.
func (o *guardOptions) policy(tasks task.Registry) (*guard.Policy, error) {
	g := guard.Options{
		Roots: o.roots, Hosts: o.hosts, DenyPrivate: o.denyPrivate, Variables: o.variables, DenySelect: o.denySelect,
		Ceilings: guard.Ceilings{Concurrency: o.concurrency, ChunkRecords: o.chunkRecords, WindowChunks: o.windowChunks, Timeout: o.timeout},
	}
	for _, size := range []struct {
		flag, text string
		bytes      *int64
	}{
		{"max-chunk-bytes", o.chunkBytes, &g.Ceilings.ChunkBytes},
		{"max-window-bytes", o.windowBytes, &g.Ceilings.WindowBytes},
		{"max-result", o.resultBytes, &g.Ceilings.ResultBytes},
		{"max-unpacked", o.unpackedBytes, &g.Ceilings.UnpackedBytes},
	} {
		if size.text == "" {
			continue
		}
		n, err := humanize.ParseBytes(size.text)
		if err != nil || n == 0 || n > 1<<60 {
			return nil, usage(fmt.Errorf("--%s %q: want a size such as 64MB", size.flag, size.text))
		}
		*size.bytes = int64(n)
	}
	var err error
	if g.Tasks, err = o.allowed(tasks); err != nil {
		return nil, err
	}
	if len(o.hosts) > 0 || o.denyPrivate {
		for _, name := range proxies {
			if os.Getenv(name) != "" {
				return nil, usage(errors.New("--allow-host and --deny-private: a proxy (" + name + ") would connect to hosts that the worker cannot judge: unset it, and let the proxy judge or none"))
			}
		}
	}
	p, err := guard.New(g)
	if err != nil {
		return nil, usage(err)
	}
	return p, nil
}

// allowed is the tasks that jobs may do.
func (o *guardOptions) allowed(tasks task.Registry) ([]string, error) {
	all := slices.Sorted(maps.Keys(tasks))
	if !o.set.Changed("allow-task") {
		return slices.DeleteFunc(all, func(name string) bool { return slices.Contains(programTasks, name) }), nil
	}
	for _, name := range o.tasks {
		if tasks[name] == nil {
			return nil, usage(fmt.Errorf("--allow-task: this program has no task %q; it has %s", name, strings.Join(all, ", ")))
		}
	}
	return append([]string{}, o.tasks...), nil
}
