package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"
)

// patience bounds whatever a test waits for; it is generous, since the machine may be slow, and reached only on failure.
const patience = 2 * time.Minute

// quiet is a logger that says nothing.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// freePorts has the embedded server of a state folder listen on free ports instead of the standard ones.
func freePorts(state string) error {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	var addresses [2]string
	for i := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		addresses[i] = l.Addr().String()
	}
	e := fmt.Sprintf(`{"address":%q,"ui":"http://%s"}`, addresses[0], addresses[1])
	return os.WriteFile(filepath.Join(state, "server.json"), []byte(e), 0o600)
}

// bench is a test's own folder and namespace.
type bench struct {
	t         *testing.T
	dir       string
	namespace string
	client    client.Client
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), namespace: "test-" + strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())}
	admin, err := client.Dial(client.Options{HostPort: server.Address, Logger: quiet{}})
	must(t, err)
	defer admin.Close()
	_, err = admin.WorkflowService().RegisterNamespace(context.Background(), &workflowservice.RegisterNamespaceRequest{
		Namespace: b.namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	must(t, err)
	b.client, err = client.Dial(client.Options{HostPort: server.Address, Namespace: b.namespace, Logger: quiet{}})
	must(t, err)
	t.Cleanup(b.client.Close)
	// The server takes a moment to serve a namespace that it has registered.
	b.until("namespace served", func() bool {
		_, err := b.client.WorkflowService().ListWorkflowExecutions(context.Background(),
			&workflowservice.ListWorkflowExecutionsRequest{Namespace: b.namespace, PageSize: 1})
		return err == nil
	})
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until waits for a condition of another process, which can only be asked for.
func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatalf("still not: %s", what)
		}
	}
}

// path is a path in the test's folder.
func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// write writes a file in the test's folder.
func (b *bench) write(name string, data []byte) string {
	b.t.Helper()
	must(b.t, os.WriteFile(b.path(name), data, 0o600))
	return b.path(name)
}

func (b *bench) read(name string) []byte {
	b.t.Helper()
	data, err := os.ReadFile(b.path(name))
	must(b.t, err)
	return data
}

// process is a running program.
type process struct {
	b      *bench
	cmd    *exec.Cmd
	exited chan struct{}

	mu             sync.Mutex
	stdout, stderr bytes.Buffer
}

// start starts a program.
func (b *bench) start(program string, args ...string) *process {
	b.t.Helper()
	p := &process{b: b, cmd: exec.Command(program, args...), exited: make(chan struct{})}
	p.cmd.Dir = b.dir
	p.cmd.Stdout, p.cmd.Stderr = &locked{p, &p.stdout}, &locked{p, &p.stderr}
	must(b.t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	b.t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.exited
		if b.t.Failed() {
			b.t.Logf("%s %s\nexit %d\nstdout:\n%s\nstderr:\n%s", filepath.Base(program), strings.Join(args, " "), p.cmd.ProcessState.ExitCode(), p.out(), p.errs())
		}
	})
	return p
}

// locked is a buffer that is read while it is written.
type locked struct {
	p *process
	b *bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	return l.b.Write(b)
}

func (p *process) out() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stdout.String()
}

func (p *process) errs() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

func (p *process) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.b.t.Error(err)
	}
}

// kill kills the process as kill -9 does, and waits until it is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	p.wait()
}

// wait waits for the process's end and returns its exit status.
func (p *process) wait() int {
	p.b.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.b.t.Fatalf("%s does not end\n%s", p.cmd, p.errs())
	}
	return p.cmd.ProcessState.ExitCode()
}

// ended checks the exit status, and returns the process.
func (p *process) ended(status int) *process {
	p.b.t.Helper()
	if got := p.wait(); got != status {
		p.b.t.Fatalf("exit status %d, want %d\nstdout:\n%s\nstderr:\n%s", got, status, p.out(), p.errs())
	}
	return p
}

// says checks that the text appears on standard error.
func (p *process) says(text string) {
	p.b.t.Helper()
	p.b.until(fmt.Sprintf("%q said on standard error", text), func() bool { return strings.Contains(p.errs(), text) })
}

// worker starts a longhaul-worker for the test's namespace.
func (b *bench) worker(args ...string) *process {
	b.t.Helper()
	return b.start(workerProgram, append([]string{"--address", server.Address, "--namespace", b.namespace}, args...)...)
}

// longhaul starts longhaul run against the shared server.
func (b *bench) longhaul(args ...string) *process {
	b.t.Helper()
	return b.start(longhaulProgram, append([]string{"run", "--address", server.Address, "--namespace", b.namespace, "--progress", "plain"}, args...)...)
}

// embedded starts longhaul run with its own server, whose state is in the folder of that name.
func (b *bench) embedded(state string, args ...string) *process {
	b.t.Helper()
	if _, err := os.Stat(filepath.Join(b.path(state), "server.json")); err != nil {
		must(b.t, freePorts(b.path(state)))
	}
	return b.start(longhaulProgram, append([]string{"run", "--embedded", "--state-dir", b.path(state), "--progress", "plain"}, args...)...)
}

// lines makes lines of numbers, 1 to n.
func lines(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	return b.Bytes()
}

// same compares a file with what it should be, and shows the first difference only.
func (b *bench) same(name string, want []byte) {
	b.t.Helper()
	got := b.read(name)
	if bytes.Equal(got, want) {
		return
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	b.t.Fatalf("%s has %d bytes, want %d; they differ from byte %d, in line %d: %.80q, want %.80q",
		name, len(got), len(want), i, bytes.Count(got[:i], []byte{'\n'}), got[i:], want[i:])
}

// tidy checks that nothing of the work is left beside an output.
func (b *bench) tidy(output string) {
	b.t.Helper()
	dir, err := os.ReadDir(b.path(output + ".longhaul"))
	must(b.t, err)
	var names []string
	for _, d := range dir {
		names = append(names, d.Name())
	}
	if got := strings.Join(names, " "); got != "errors.jsonl lock manifest segments" {
		b.t.Errorf("beside the output: %s", got)
	}
	segments, err := os.ReadDir(b.path(output + ".longhaul/segments"))
	must(b.t, err)
	if len(segments) > 0 {
		b.t.Errorf("%d segments are left", len(segments))
	}
}
