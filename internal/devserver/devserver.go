// Package devserver runs Temporal's own development server (the temporal program) as a child, for jobs on one machine without any set-up. Its
// database and log are in a state folder; several longhaul processes on one state folder share one server, which the first of them runs:
// when that one ends, another takes over on the same ports.
package devserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/longhaul/longhaul/internal/fsys"
)

// Options says what server to run.
type Options struct {
	// StateDir is the folder of the database and the log. It is made where it is missing.
	StateDir string
	// Program is the path of the temporal program; by default the one that Find finds.
	Program string
	// Client is the options, but for the address, of the client that waits for the server.
	Client client.Options
}

// Server is a development server that runs, in this process's care or in another's.
type Server struct {
	Endpoint
	options Options
	cancel  context.CancelFunc
	ended   chan struct{}

	mu    sync.Mutex
	child *child
	lock  fsys.File
}

// Endpoint is where a server listens.
type Endpoint struct {
	Address string `json:"address"`
	UI      string `json:"ui"`
}

// Standard ports of Temporal's development server, tried first.
const (
	standardPort   = 7233
	standardUIPort = 8233
)

const (
	poll         = 50 * time.Millisecond
	startTimeout = time.Minute
	stopTimeout  = 5 * time.Second
)

// DefaultStateDir is longhaul's folder in the user's state directory (XDG Base Directory Specification 0.8).
func DefaultStateDir() (string, error) {
	base := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(base) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no home directory for the state: %w; name a folder with --state-dir", err)
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "longhaul"), nil
}

// Find looks for the temporal program on PATH, then in bin/ beside this program and in the working directory, then in the user's cache directory.
func Find() (string, error) {
	if p, err := exec.LookPath("temporal"); err == nil {
		return filepath.Abs(p)
	}
	var places []string
	if self, err := os.Executable(); err == nil {
		places = append(places, filepath.Dir(self))
	}
	if wd, err := os.Getwd(); err == nil {
		places = append(places, filepath.Join(wd, "bin"))
	}
	if cache, err := os.UserCacheDir(); err == nil {
		places = append(places, filepath.Join(cache, "longhaul"))
	}
	for _, dir := range places {
		p := filepath.Join(dir, "temporal")
		if fi, err := os.Stat(p); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return p, nil
		}
	}
	return "", errors.New("the temporal program, whose development server runs jobs on this machine, is neither on PATH nor in bin/: " +
		"get it with `go install github.com/temporalio/cli/cmd/temporal@v1.5.1` (or `make build`, or your package manager), " +
		"or name a server with --address")
}

// Start starts the server of the state folder, or joins the one that runs there, and returns when it serves.
func Start(ctx context.Context, o Options) (*Server, error) {
	if err := os.MkdirAll(o.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("make state folder: %w", err)
	}
	s := &Server{options: o, ended: make(chan struct{})}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the server in %s does not answer; its log is %s", o.StateDir, s.log()))
	defer cancel()
	for {
		lock, err := s.tryLock()
		if err != nil {
			return nil, err
		}
		if lock != nil {
			if err := s.own(ctx, lock); err != nil {
				return nil, err
			}
			break
		}
		// Another process runs it, or is about to.
		if e, err := s.read(); err == nil && s.serves(ctx, e) == nil {
			s.Endpoint = e
			break
		}
		if err := sleep(ctx, poll); err != nil {
			return nil, err
		}
	}
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = stop
	go s.watch(watch)
	return s, nil
}

func (s *Server) log() string      { return filepath.Join(s.options.StateDir, "server.log") }
func (s *Server) endpoint() string { return filepath.Join(s.options.StateDir, "server.json") }

// tryLock takes the lock that the process whose child the server is holds; nil where another has it.
func (s *Server) tryLock() (fsys.File, error) {
	f, err := fsys.OS.OpenWrite(filepath.Join(s.options.StateDir, "server.lock"), true, 0o600)
	if err != nil {
		return nil, err
	}
	ok, err := f.TryLock()
	if !ok || err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// own runs the server as this process's child.
func (s *Server) own(ctx context.Context, lock fsys.File) error {
	c, e, err := s.launch(ctx)
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Endpoint, s.child, s.lock = e, c, lock
	return nil
}

// launch starts the program, again on other ports where they were taken in the meantime, and waits until it serves.
func (s *Server) launch(ctx context.Context) (*child, Endpoint, error) {
	program := s.options.Program
	if program == "" {
		var err error
		if program, err = Find(); err != nil {
			return nil, Endpoint{}, err
		}
	}
	last, _ := s.read()
	if s.Address != "" {
		last = s.Endpoint // clients of this process know this one
	}
	for try := 1; ; try++ {
		e, args, err := s.arguments(last, try)
		if err != nil {
			return nil, e, err
		}
		c, err := startChild(program, args, s.log())
		if err != nil {
			return nil, e, fmt.Errorf("start %s: %w", program, err)
		}
		err = s.waitServing(ctx, c, e)
		if err == nil {
			if err = s.write(e); err == nil {
				return c, e, nil
			}
		}
		c.stop(stopTimeout)
		if try == 3 || ctx.Err() != nil {
			return nil, e, err
		}
	}
}

// arguments chooses free ports, the last or the standard ones where they are, and puts the command line together. Where clients of this process know the server's
// address it must be that one: it is an error that it is taken, as it is for a moment by a server that is dying with the process that ran it.
func (s *Server) arguments(last Endpoint, try int) (Endpoint, []string, error) {
	wanted, wantedUI := port(last.Address), port(last.UI)
	known := s.Address != ""
	if wanted == 0 || try == 2 && !known {
		wanted, wantedUI = standardPort, standardUIPort
	}
	if try > 2 && !known {
		wanted, wantedUI = 0, 0
	}
	var ports [4]int
	for i, w := range []int{wanted, wantedUI, 0, 0} {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(w)))
		if err != nil && w != 0 && !(known && i == 0) {
			l, err = net.Listen("tcp", "127.0.0.1:0")
		}
		if err != nil {
			return Endpoint{}, nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	e := Endpoint{
		Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0])),
		UI:      "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[1])),
	}
	return e, append([]string{
		"server", "start-dev", "--ip", "127.0.0.1",
		"--port", strconv.Itoa(ports[0]), "--ui-port", strconv.Itoa(ports[1]),
		"--http-port", strconv.Itoa(ports[2]), "--metrics-port", strconv.Itoa(ports[3]),
		"--db-filename", filepath.Join(s.options.StateDir, "temporal.db"), "--sqlite-pragma", "journal_mode=wal",
		"--log-level", "warn", "--log-format", "json",
	}, forOne...), nil
}

// forOne tunes the server for one small machine. By default it reads its one queue of tasks 20 times a second, once the first burst is over, so that each step
// of a job takes 50 ms; and it spreads each task queue over 4 partitions, where a task now and then waits 2 s for a poller.
var forOne = []string{
	"--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000",
	"--dynamic-config-value", "history.timerProcessorMaxPollRPS=1000",
	"--dynamic-config-value", "history.visibilityProcessorMaxPollRPS=1000",
	"--dynamic-config-value", "matching.numTaskqueueReadPartitions=1",
	"--dynamic-config-value", "matching.numTaskqueueWritePartitions=1",
}

// port returns the port at the end of an address or a URL; 0 where there is none.
func port(address string) int {
	n, _ := strconv.Atoi(address[strings.LastIndexByte(address, ':')+1:])
	return n
}

func (s *Server) waitServing(ctx context.Context, c *child, e Endpoint) error {
	for {
		if s.serves(ctx, e) == nil {
			return nil
		}
		select {
		case <-c.exited:
			return fmt.Errorf("the temporal development server ended at once: %s (its log is %s; if its database is damaged, move %s away: "+
				"jobs resume from their outputs)", lastLine(s.log()), s.log(), filepath.Join(s.options.StateDir, "temporal.db"))
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(poll):
		}
	}
}

// serves asks the server for its default namespace, the last thing that it sets up.
func (s *Server) serves(ctx context.Context, e Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", e.Address) // cheap, and without gRPC's backoff
	if err != nil {
		return err
	}
	conn.Close()
	o := s.options.Client
	o.HostPort = e.Address
	c, err := client.DialContext(ctx, o)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: client.DefaultNamespace})
	return err
}

// watch takes the server over when the process that runs it ends, and starts it again when it dies.
func (s *Server) watch(ctx context.Context) {
	defer close(s.ended)
	for {
		s.mu.Lock()
		c, lock := s.child, s.lock
		s.mu.Unlock()
		if c != nil {
			if s.attend(ctx, c) != nil {
				return
			}
		} else {
			if sleep(ctx, poll) != nil {
				return
			}
			var err error
			if lock, err = s.tryLock(); lock == nil || err != nil {
				continue
			}
		}
		if err := s.own(ctx, lock); err != nil {
			s.mu.Lock()
			s.child, s.lock = nil, nil
			s.mu.Unlock()
		}
	}
}

// Close stops the server if it is this process's.
func (s *Server) Close() error {
	s.cancel()
	<-s.ended
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child == nil {
		return nil
	}
	// Its own way to end takes more than a second, and does nothing that its next start would miss: every answer it gave is on disk.
	s.child.stop(0)
	return s.lock.Close()
}

func (s *Server) read() (e Endpoint, err error) {
	b, err := os.ReadFile(s.endpoint())
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(b, &e)
}

func (s *Server) write(e Endpoint) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return fsys.WriteFile(fsys.OS, s.endpoint(), append(b, '\n'), 0o600)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// lastLine returns the end of a log for an error message.
func lastLine(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	size, _ := f.Seek(0, io.SeekEnd)
	b := make([]byte, min(size, 500))
	_, _ = f.ReadAt(b, size-int64(len(b)))
	end := len(b)
	for end > 0 && b[end-1] == '\n' {
		end--
	}
	start := end
	for start > 0 && b[start-1] != '\n' {
		start--
	}
	return string(b[start:end])
}

// At returns where the server of a state folder listens, and whether some process runs it at this moment.
func At(stateDir string) (Endpoint, bool) {
	s := Server{options: Options{StateDir: stateDir}}
	e, err := s.read()
	return e, err == nil && Running(stateDir)
}

// Running says whether some process runs the server of a state folder at this moment.
func Running(stateDir string) bool {
	f, err := fsys.OS.OpenWrite(filepath.Join(stateDir, "server.lock"), false, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	free, err := f.TryLock()
	return !free && err == nil
}
