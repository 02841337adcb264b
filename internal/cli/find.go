package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/longhaul/longhaul/internal/devserver"
	"github.com/longhaul/longhaul/internal/dial"
	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/internal/workers"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// jobHelp is what help says of a JOB, and of the server on which it is.
const jobHelp = `JOB is a workflow id, or an output's path. The server is the one that is configured (--address, TEMPORAL_ADDRESS, a profile), else the embedded
one of the state folder where it runs, else one at the default address.`

// placeOptions is the flags that say where jobs are looked for.
type placeOptions struct {
	stateDir string
	dial     *dial.Flags
}

func (o *placeOptions) register(f *pflag.FlagSet) {
	f.StringVar(&o.stateDir, "state-dir", "", "`folder` of the embedded server (default: longhaul in the user's state directory)")
	o.dial = dial.Register(f)
}

// oneJob is the arguments of a command that takes one JOB, or none where that is allowed.
func oneJob(optional bool) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 1 || len(args) == 0 && !optional {
			return usage(errors.New("want one JOB: a workflow id, or an output's path"))
		}
		return nil
	}
}

// errNoServer says that there is no server to be asked.
var errNoServer = errors.New("no Temporal server: none is configured, none listens at " + dial.DefaultAddress + ", and the embedded one does not run (longhaul dev runs it)")

// connectTimeout bounds the first word with a server that is asked something.
const connectTimeout = 10 * time.Second

// server returns the server that there is. Its error is errNoServer where none is configured and none runs.
func (p *Program) server(ctx context.Context, o *placeOptions) (*engine, error) {
	s, err := o.dial.Load()
	if err != nil {
		return nil, usage(err)
	}
	s.Logger, s.Identity = slog.New(slog.DiscardHandler), workers.Identity()
	stateDir, err := stateFolder(o.stateDir)
	if err != nil {
		return nil, err
	}
	at, runs := devserver.At(stateDir)
	e := &engine{settings: s, worker: p.workerProgram()}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if s.Configured {
		if e.client, err = dial.Dial(ctx, s.Options); err != nil {
			return nil, s.NoServer(err, "is it started, and the address right?")
		}
		if e.ui = localUI(s.HostPort); at.Address == s.HostPort {
			e.ui = at.UI
		}
		return e, nil
	}
	if runs {
		e.settings.Options = client.Options{HostPort: at.Address, Namespace: s.Namespace, Logger: s.Logger, Identity: s.Identity}
		e.settings.DataConverter, e.settings.FailureConverter = s.Keys.Converters()
		if e.client, err = client.DialContext(ctx, e.settings.Options); err != nil {
			return nil, fmt.Errorf("no answer from the embedded server at %s: %w", at.Address, err)
		}
		e.ui = at.UI
		return e, nil
	}
	if e.client = atDefault(ctx, s.Options); e.client == nil {
		return nil, errNoServer
	}
	e.ui = localUI(s.HostPort)
	return e, nil
}

// stateFolder is the folder given, or the default.
func stateFolder(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	return devserver.DefaultStateDir()
}

// workerProgram is how a worker that can run this program's tasks is started.
func (p *Program) workerProgram() string {
	if p.Own {
		return p.Name + " worker"
	}
	return "longhaul-worker"
}

// named is a JOB as the user named it.
type named struct {
	arg string
	// ids are the workflow ids that it may mean, the likeliest first.
	ids []string
	// path is the output that it may mean, and manifest what stands beside that; nil where there is none.
	path     string
	manifest *output.Manifest
}

// name says what a JOB may mean.
func name(arg string) (named, error) {
	n := named{arg: arg}
	path, err := filepath.Abs(arg)
	if err != nil {
		return n, err
	}
	m, err := output.At(fsys.OS, path).Load()
	switch {
	case err == nil:
		n.manifest, n.path, n.ids = &m, path, []string{m.Claim.WorkflowID}
	case !errors.Is(err, fs.ErrNotExist) && job.KindOf(err) != "":
		return n, err
	}
	_, missing := os.Stat(path)
	if missing == nil || strings.ContainsRune(arg, filepath.Separator) {
		n.path = path
	}
	if n.path == "" {
		n.ids = append(n.ids, arg)
	}
	if derived := job.IDOf(path); !slices.Contains(n.ids, derived) {
		n.ids = append(n.ids, derived)
	}
	return n, nil
}

// found is a job on a server.
type found struct {
	id, runID, firstRunID string
	status                enums.WorkflowExecutionStatus
	canceling             bool
	started, ended        time.Time // of its present run; ended is zero while it runs
}

func (f found) running() bool { return f.status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING }

// find looks for a job on the server; one that runs is preferred. It says whether there is one.
func (e *engine) find(ctx context.Context, n named) (f found, ok bool, err error) {
	for _, id := range n.ids {
		d, err := e.client.DescribeWorkflowExecution(ctx, id, "")
		var notFound *serviceerror.NotFound
		var invalid *serviceerror.InvalidArgument // a path is no id
		if errors.As(err, &notFound) || errors.As(err, &invalid) {
			continue
		}
		if err != nil {
			return f, false, fmt.Errorf("ask the server at %s for job %s: %w", e.settings.HostPort, id, err)
		}
		info := d.GetWorkflowExecutionInfo()
		if info.GetType().GetName() != job.WorkflowType {
			continue
		}
		this := found{
			id: id, runID: info.GetExecution().GetRunId(), firstRunID: info.GetFirstRunId(), status: info.GetStatus(),
			canceling: d.GetWorkflowExtendedInfo().GetCancelRequested(), started: info.GetStartTime().AsTime(),
		}
		if t := info.GetCloseTime(); t != nil {
			this.ended = t.AsTime()
		}
		if !ok || this.running() && !f.running() {
			f, ok = this, true
		}
	}
	return f, ok, nil
}

// theJob finds a job that must be on the server.
func (p *Program) theJob(ctx context.Context, e *engine, arg string) (found, error) {
	n, err := name(arg)
	if err != nil {
		return found{}, err
	}
	f, ok, err := e.find(ctx, n)
	if err == nil && !ok {
		err = e.noJob(p, arg)
	}
	return f, err
}

func (e *engine) noJob(p *Program, arg string) error {
	return fmt.Errorf("no job %s on the server at %s, namespace %s (`%s` shows those that are)", arg, e.settings.HostPort, e.settings.Namespace, e.command(p, "list"))
}

// command is a command line of this program that asks the same server.
func (e *engine) command(p *Program, words ...string) string {
	line := p.Name + " " + strings.Join(words, " ")
	if e.settings.Configured {
		line += " --address " + e.settings.HostPort
	}
	if e.settings.Namespace != client.DefaultNamespace {
		line += " --namespace " + e.settings.Namespace
	}
	for _, flag := range e.settings.Given {
		line += " " + flag
	}
	return line
}

// runningJob is the server and the job on it that a word of the user names, which must run.
func (p *Program) runningJob(ctx context.Context, o *placeOptions, arg string) (*engine, found, error) {
	e, err := p.server(ctx, o)
	if err != nil {
		return nil, found{}, err
	}
	f, err := p.theJob(ctx, e, arg)
	if err == nil && !f.running() {
		hint := ""
		if states[f.status] != stateComplete {
			hint = " (the command that started it resumes it)"
		}
		err = fmt.Errorf("job %s does not run: it is %s%s", f.id, states[f.status], hint)
	}
	if err != nil {
		e.close()
		return nil, found{}, err
	}
	return e, f, nil
}
