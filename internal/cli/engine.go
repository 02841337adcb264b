package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/longhaul/longhaul/internal/devserver"
	"github.com/longhaul/longhaul/internal/dial"
	"github.com/longhaul/longhaul/internal/workers"
)

// engine is what runs a job: a Temporal server that was found, or one of our own with a worker in this process.
type engine struct {
	client   client.Client
	settings dial.Settings
	// ui is the Web UI's address; empty where it is unknown.
	ui string
	// worker is how to start a worker that can run the job.
	worker string

	embedded *devserver.Server
	workers  *workers.Workers
	log      *os.File
}

// engine finds the server, or starts one.
func (p *Program) engine(ctx context.Context, o *runOptions, s dial.Settings) (*engine, error) {
	stateDir, err := stateFolder(o.stateDir)
	if err != nil {
		return nil, err
	}
	e := &engine{settings: s, worker: p.workerProgram()}
	s.Logger, s.Identity = slog.New(slog.DiscardHandler), workers.Identity()
	e.settings = s
	switch {
	case o.embedded:
	case s.Configured:
		c, err := dial.Dial(ctx, s.Options)
		if err != nil {
			return nil, s.NoServer(err, "start it, or leave --address and TEMPORAL_ADDRESS out to run an embedded one")
		}
		e.client, e.ui = c, localUI(s.HostPort)
		return e, nil
	case !devserver.Running(stateDir):
		if c := atDefault(ctx, s.Options); c != nil {
			e.client, e.ui = c, localUI(s.HostPort)
			return e, nil
		}
	}
	if o.detach {
		return nil, usage(errors.New("--detach needs a Temporal server, since an embedded one ends with this command: name one with --address"))
	}
	if s.Namespace != client.DefaultNamespace {
		return nil, usage(fmt.Errorf("namespace %s: the embedded server has the namespace %s only; name a server with --address", s.Namespace, client.DefaultNamespace))
	}
	return e, e.embed(ctx, p, stateDir, o.stopTimeout, o.log)
}

// atDefault returns a client of the Temporal server at the default address, nil where there is none.
func atDefault(ctx context.Context, o client.Options) client.Client {
	conn, err := net.DialTimeout("tcp", o.HostPort, time.Second)
	if err != nil {
		return nil
	}
	conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	c, err := client.DialContext(ctx, o)
	if err != nil {
		return nil
	}
	return c
}

// localUI returns the Web UI's address of a server on this machine, where one answers at the port that goes with it.
func localUI(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port != "7233" || host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return ""
	}
	ui := "http://" + net.JoinHostPort(host, "8233")
	c := http.Client{Timeout: time.Second}
	resp, err := c.Head(ui)
	if err != nil {
		return ""
	}
	resp.Body.Close()
	return ui
}

// connectPatience is how long the embedded server, which serves already, may refuse a connection: it does for a moment while it starts.
const connectPatience = 10 * time.Second

// embed runs the embedded server and a worker in this process.
func (e *engine) embed(ctx context.Context, p *Program, stateDir string, stopTimeout time.Duration, log logOptions) (err error) {
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return fmt.Errorf("make state folder: %w", err)
	}
	e.log, err = os.OpenFile(filepath.Join(stateDir, "worker.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open worker log: %w", err)
	}
	logger, err := log.logger(e.log)
	if err != nil {
		return err
	}
	quiet := client.Options{Logger: slog.New(slog.DiscardHandler)}
	e.embedded, err = devserver.Start(ctx, devserver.Options{StateDir: stateDir, Client: quiet})
	if err != nil {
		return err
	}
	e.ui = e.embedded.UI
	own := client.Options{HostPort: e.embedded.Address, Namespace: client.DefaultNamespace, Identity: workers.Identity(), Logger: logger}
	own.DataConverter, own.FailureConverter = e.settings.Keys.Converters()
	e.settings.Options = own
	for end := time.Now().Add(connectPatience); ; {
		if e.client, err = dial.Connect(ctx, own, connectPatience); err != nil {
			return fmt.Errorf("connect to the embedded server: %w", err)
		}
		e.workers, err = workers.Start(ctx, e.client, workers.Options{
			Files: true, IO: true, Tasks: p.Tasks, StopTimeout: stopTimeout, Namespace: client.DefaultNamespace, Converter: own.DataConverter,
		})
		if !silent(err) || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
		// The command that ran the server has just ended. This one runs it from now on, at the same address.
		e.client.Close()
		e.client = nil
	}
}

// stopWorking lets the tasks in flight end and takes no more. It does nothing where others do the work.
func (e *engine) stopWorking() {
	if e.workers != nil {
		e.workers.Stop()
		e.workers = nil
	}
}

// close ends all that this process runs. A second call does nothing.
func (e *engine) close() {
	e.stopWorking()
	if e.client != nil {
		e.client.Close()
	}
	if e.embedded != nil {
		_ = e.embedded.Close()
	}
	if e.log != nil {
		e.log.Close()
	}
	e.client, e.embedded, e.log = nil, nil, nil
}

// cluster is the id of the server's cluster.
func (e *engine) cluster(ctx context.Context) (string, error) {
	info, err := e.client.WorkflowService().GetClusterInfo(ctx, &workflowservice.GetClusterInfoRequest{})
	return info.GetClusterId(), err
}

// jobsPage is the Web UI's page of all jobs; empty where it is unknown.
func (e *engine) jobsPage() string {
	if e.ui == "" {
		return ""
	}
	return e.ui + "/namespaces/" + url.PathEscape(e.settings.Namespace) + "/workflows"
}

// page is the Web UI's page of a job; empty where it is unknown.
func (e *engine) page(id, runID string) string {
	if e.ui == "" {
		return ""
	}
	return e.jobsPage() + "/" + url.PathEscape(id) + "/" + runID + "/history"
}
