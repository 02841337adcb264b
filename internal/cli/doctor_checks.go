package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/longhaul/longhaul/internal/devserver"
	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// programTimeout bounds what Temporal's program takes to tell its version.
const programTimeout = 20 * time.Second

// temporalProgram looks for the program whose development server runs jobs where no server is configured.
func temporalProgram(ctx context.Context, configured bool) check {
	c := check{Name: "temporal program", State: checkOK}
	path, err := devserver.Find()
	if err != nil {
		c.State, c.Found, c.Do = checkFailed, "it is neither on PATH nor in bin/", "go install github.com/temporalio/cli/cmd/temporal@v1.5.1, or make build, or your package manager; or name a server with --address"
		if configured {
			c.State, c.Do, c.Found = checkSkipped, "", c.Found+"; with a server of your own it is not needed"
		}
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, programTimeout)
	defer cancel()
	said, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	c.Found = path + ": " + strings.TrimSpace(string(said))
	if err != nil {
		c.State, c.Found, c.Do = checkFailed, fmt.Sprintf("%s does not run: %v", path, err), "install it anew: go install github.com/temporalio/cli/cmd/temporal@v1.5.1"
	}
	return c
}

// serverChecks looks at the server and at what is on it.
func (p *Program) serverChecks(ctx context.Context, o *doctorOptions, program bool) []check {
	checks := []check{{Name: "server", State: checkOK}, {Name: "namespace", State: checkSkipped}, {Name: "workers", State: checkSkipped}, {Name: "search attributes", State: checkSkipped}}
	server := &checks[0]
	e, err := p.server(ctx, &o.place)
	switch {
	case errors.Is(err, errNoServer) && program:
		server.Found = "none is configured, and none runs: " + p.Name + " run starts an embedded one, and works itself"
		checks[1].Found, checks[2].Found, checks[3].Found = "the embedded server's own", p.Name+" run works itself", "registered where a job wants them"
		return checks
	case err != nil:
		server.State, server.Found, server.Do = checkFailed, err.Error(), "start it, or check --address, TEMPORAL_ADDRESS and the profile"
		checks[1].Found, checks[2].Found, checks[3].Found = "no server to ask", "no server to ask", "no server to ask"
		return checks
	}
	defer e.close()
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	server.Found = e.settings.HostPort
	info, err := e.client.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	if err != nil {
		server.State, server.Found, server.Do = checkWarning, fmt.Sprintf("%s does not tell its version: %v", e.settings.HostPort, err), "is it a Temporal server, and may you ask it?"
	} else {
		server.Found += ", version " + info.GetServerVersion()
	}
	checks[1] = e.namespaceCheck(ctx)
	if checks[1].State == checkFailed {
		checks[2].Found, checks[3].Found = "no namespace to ask for", "no namespace to ask for"
		return checks
	}
	checks[2] = e.workersCheck(ctx)
	checks[3] = e.attributesCheck(ctx, o.fix)
	return checks
}

func (e *engine) namespaceCheck(ctx context.Context) check {
	ns := e.settings.Namespace
	c := check{Name: "namespace", State: checkOK, Found: ns}
	d, err := e.client.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: ns})
	var none *serviceerror.NamespaceNotFound
	switch {
	case errors.As(err, &none):
		c.State, c.Found = checkFailed, "there is no namespace "+ns
		c.Do = fmt.Sprintf("temporal operator namespace create --namespace %s --address %s, or choose another with --namespace", ns, e.settings.HostPort)
	case err != nil:
		c.State, c.Found, c.Do = checkWarning, fmt.Sprintf("%s: %v", ns, err), "may you ask for it?"
	default:
		c.Found = fmt.Sprintf("%s, which keeps ended jobs for %s", ns, d.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
	}
	return c
}

func (e *engine) workersCheck(ctx context.Context) check {
	c := check{Name: "workers", State: checkOK, Found: fmt.Sprintf("task queues %s and %s are polled", job.TaskQueue, job.TaskQueueIO)}
	if queues := e.unserved(ctx); len(queues) > 0 {
		c.State, c.Found = checkFailed, "no worker polls task queue "+strings.Join(queues, " or ")
		c.Do = "start one where the files are: " + e.workerCommand()
	}
	return c
}

// Free disk space below which there is a warning, or a failure.
const (
	littleSpace = 1 << 30
	noSpace     = 64 << 20
)

// diskCheck looks whether a folder can be written, and how much room there is. It makes the folder of the state, as a job would.
func diskCheck(_ context.Context, folder string, own bool) check {
	c := check{Name: "disk", State: checkOK}
	if own {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			c.State, c.Found, c.Do = checkFailed, fmt.Sprintf("the state folder cannot be made: %v", err), "name another folder with --state-dir"
			return c
		}
	}
	free, known, err := freeSpace(folder)
	switch {
	case err != nil:
		c.State, c.Found, c.Do = checkFailed, err.Error(), "make the folder, or name another"
	case !known:
		c.State, c.Found = checkSkipped, "the free space in "+folder+" cannot be asked for on this system"
	default:
		c.Found = fmt.Sprintf("%s free in %s", humanize.IBytes(free), folder)
		c.Do = "make room: an output, and the results that wait for their turn (16 GiB at most), must find place"
		switch {
		case free < noSpace:
			c.State = checkFailed
		case free < littleSpace:
			c.State = checkWarning
		default:
			c.Do = ""
		}
	}
	return c
}

// How many syncs are timed, and above which time there is a warning: a job syncs a few times a second.
const (
	syncs    = 5
	slowSync = 100 * time.Millisecond
)

// syncCheck writes, syncs and locks a file, as jobs do.
func syncCheck(folder string) check {
	c := check{Name: "sync", State: checkOK}
	took, err := trySync(folder)
	switch {
	case err != nil:
		c.State, c.Found, c.Do = checkFailed, err.Error(), "jobs write, sync and lock files there: name a folder on a disk that can"
	case took > slowSync:
		c.State, c.Found = checkWarning, fmt.Sprintf("a sync in %s takes %s", folder, tidy(took))
		c.Do = "jobs will wait for the disk; a local one is quicker than a network's"
	default:
		c.Found = fmt.Sprintf("a sync in %s takes %s", folder, took.Round(10*time.Microsecond))
	}
	return c
}

// trySync returns the median time of some syncs.
func trySync(folder string) (took time.Duration, err error) {
	f, err := os.CreateTemp(folder, "doctor-*")
	if err != nil {
		return 0, err
	}
	path := f.Name()
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	if err := f.Close(); err != nil {
		return 0, err
	}
	w, err := fsys.OS.OpenWrite(path, false, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if ok, err := w.TryLock(); err != nil || !ok {
		return 0, fmt.Errorf("lock %s: not possible: %w", path, err)
	}
	var times []time.Duration
	for i := range syncs {
		start := time.Now()
		if _, err := w.WriteAt(make([]byte, 4096), int64(i)*4096); err != nil {
			return 0, err
		}
		if err := w.Sync(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	return times[syncs/2], nil
}

// Limits of open files below which there is a warning, or a failure.
const (
	fewHandles = 4096
	noHandles  = 256
)

// handlesCheck looks how many files this program may have open: a connection a task in flight, or three pipes where that is a command.
func handlesCheck() check {
	c := check{Name: "open files", State: checkOK}
	limit, known := handleLimit()
	if !known {
		c.State, c.Found = checkSkipped, "the limit cannot be asked for on this system"
		return c
	}
	c.Found = fmt.Sprintf("%s at most", humanize.Comma(int64(min(limit, 1<<62))))
	if limit < fewHandles {
		c.State = checkWarning
		c.Do = "raise the limit where workers are started (ulimit -n 65536), or keep --concurrency below a quarter of it"
	}
	if limit < noHandles {
		c.State = checkFailed
	}
	return c
}
