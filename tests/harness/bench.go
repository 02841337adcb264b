package harness

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

// Patience bounds whatever a test waits for; it is generous, since the machine may be slow, and reached only on failure.
const Patience = 2 * time.Minute

// Quiet is a logger that says nothing.
type Quiet struct{}

func (Quiet) Debug(string, ...any) {}
func (Quiet) Info(string, ...any)  {}
func (Quiet) Warn(string, ...any)  {}
func (Quiet) Error(string, ...any) {}

// FreePorts has the embedded server of a state folder listen on free ports instead of the standard ones.
func FreePorts(state string) error {
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

// Bench is a test's own folder and namespace.
type Bench struct {
	T         *testing.T
	Dir       string
	Namespace string
	Client    client.Client
	// Env is added to the environment of the programs started from now on, as KEY=VALUE.
	Env []string
	// Stdin is what the programs started from now on find on their standard input; nil is nothing.
	Stdin []byte
	// StdinFile, where it is not nil, is their standard input itself.
	StdinFile *os.File
}

// New makes a test's folder and registers its namespace.
func New(t *testing.T) *Bench {
	t.Helper()
	b := &Bench{T: t, Dir: t.TempDir(), Namespace: "test-" + strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())}
	admin, err := client.Dial(client.Options{HostPort: Server.Address, Logger: Quiet{}})
	Must(t, err)
	defer admin.Close()
	_, err = admin.WorkflowService().RegisterNamespace(context.Background(), &workflowservice.RegisterNamespaceRequest{
		Namespace: b.Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	Must(t, err)
	b.Client, err = client.Dial(client.Options{HostPort: Server.Address, Namespace: b.Namespace, Logger: Quiet{}})
	Must(t, err)
	t.Cleanup(b.Client.Close)
	// The server takes a moment to serve a namespace that it has registered.
	b.Until("namespace served", func() bool {
		_, err := b.Client.WorkflowService().ListWorkflowExecutions(context.Background(),
			&workflowservice.ListWorkflowExecutionsRequest{Namespace: b.Namespace, PageSize: 1})
		return err == nil
	})
	return b
}

// In is the same bench for a subtest, in a folder of its own within.
func (b *Bench) In(t *testing.T, folder string) *Bench {
	t.Helper()
	sub := *b
	sub.T, sub.Dir = t, b.Path(folder)
	Must(t, os.Mkdir(sub.Dir, 0o700))
	return &sub
}

// Must ends the test at an error.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Until waits for a condition of another process, which can only be asked for.
func (b *Bench) Until(what string, ok func() bool) {
	b.T.Helper()
	deadline := time.After(Patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			b.T.Fatalf("still not: %s", what)
		}
	}
}

// Path is a path in the test's folder.
func (b *Bench) Path(name string) string { return filepath.Join(b.Dir, name) }

// Write writes a file in the test's folder.
func (b *Bench) Write(name string, data []byte) string {
	b.T.Helper()
	Must(b.T, os.WriteFile(b.Path(name), data, 0o600))
	return b.Path(name)
}

// Read reads a file of the test's folder.
func (b *Bench) Read(name string) []byte {
	b.T.Helper()
	data, err := os.ReadFile(b.Path(name))
	Must(b.T, err)
	return data
}

// Process is a running program.
type Process struct {
	b   *Bench
	Cmd *exec.Cmd
	// Exited is closed when it has ended.
	Exited chan struct{}

	mu             sync.Mutex
	stdout, stderr bytes.Buffer
}

// Start starts a program.
func (b *Bench) Start(program string, args ...string) *Process {
	b.T.Helper()
	return b.start(nil, program, args...)
}

// StartAs starts a program as another user, which takes a superuser; nil is the user of the tests.
func (b *Bench) StartAs(user *syscall.Credential, program string, args ...string) *Process {
	b.T.Helper()
	return b.start(&syscall.SysProcAttr{Credential: user}, program, args...)
}

func (b *Bench) start(attr *syscall.SysProcAttr, program string, args ...string) *Process {
	b.T.Helper()
	p := &Process{b: b, Cmd: exec.Command(program, args...), Exited: make(chan struct{})}
	p.Cmd.SysProcAttr = attr
	p.Cmd.Dir = b.Dir
	p.Cmd.Env = append(os.Environ(), b.Env...)
	if attr != nil && attr.Chroot != "" { // nothing of this machine is known there
		p.Cmd.Dir, p.Cmd.Env = "/", b.Env
	}
	if b.Stdin != nil {
		p.Cmd.Stdin = bytes.NewReader(b.Stdin)
	}
	if b.StdinFile != nil {
		p.Cmd.Stdin = b.StdinFile
	}
	p.Cmd.Stdout, p.Cmd.Stderr = &locked{p, &p.stdout}, &locked{p, &p.stderr}
	Must(b.T, p.Cmd.Start())
	go func() {
		_ = p.Cmd.Wait()
		close(p.Exited)
	}()
	b.T.Cleanup(func() {
		p.Signal(syscall.SIGKILL)
		<-p.Exited
		if b.T.Failed() {
			b.T.Logf("%s %s\nexit %d\nstdout:\n%s\nstderr:\n%s", filepath.Base(program), strings.Join(args, " "), p.Cmd.ProcessState.ExitCode(), p.Out(), p.Errs())
		}
	})
	return p
}

// locked is a buffer that is read while it is written.
type locked struct {
	p *Process
	b *bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	return l.b.Write(b)
}

// Out is what it said on standard output so far.
func (p *Process) Out() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stdout.String()
}

// Errs is what it said on standard error so far.
func (p *Process) Errs() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// Signal sends it a signal.
func (p *Process) Signal(s syscall.Signal) {
	if err := p.Cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.b.T.Error(err)
	}
}

// Kill kills the process as kill -9 does, and waits until it is gone.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	p.Wait()
}

// Wait waits for the process's end and returns its exit status.
func (p *Process) Wait() int {
	p.b.T.Helper()
	select {
	case <-p.Exited:
	case <-time.After(Patience):
		p.b.T.Fatalf("%s does not end\n%s", p.Cmd, p.Errs())
	}
	return p.Cmd.ProcessState.ExitCode()
}

// Ended checks the exit status, and returns the process.
func (p *Process) Ended(status int) *Process {
	p.b.T.Helper()
	if got := p.Wait(); got != status {
		p.b.T.Fatalf("exit status %d, want %d\nstdout:\n%s\nstderr:\n%s", got, status, p.Out(), p.Errs())
	}
	return p
}

// Says checks that the text appears on standard error.
func (p *Process) Says(text string) {
	p.b.T.Helper()
	p.b.Until(fmt.Sprintf("%q said on standard error", text), func() bool { return strings.Contains(p.Errs(), text) })
}

// Worker starts a longhaul-worker for the test's namespace, which runs commands too.
func (b *Bench) Worker(args ...string) *Process {
	b.T.Helper()
	return b.Guarded(append([]string{"--allow-task", "activity,double,echo,exec,http,pipe"}, args...)...)
}

// Guarded starts a longhaul-worker for the test's namespace, which allows what it does by itself.
func (b *Bench) Guarded(args ...string) *Process {
	b.T.Helper()
	return b.Start(WorkerProgram, append([]string{"--address", Server.Address, "--namespace", b.Namespace}, args...)...)
}

// Longhaul starts longhaul run against the shared server.
func (b *Bench) Longhaul(args ...string) *Process {
	b.T.Helper()
	return b.Start(LonghaulProgram, append([]string{"run", "--address", Server.Address, "--namespace", b.Namespace, "--progress", "plain"}, args...)...)
}

// Verify starts longhaul verify on an output.
func (b *Bench) Verify(output string) *Process {
	b.T.Helper()
	return b.Start(LonghaulProgram, "verify", output)
}

// Embedded starts longhaul run with its own server, whose state is in the folder of that name.
func (b *Bench) Embedded(state string, args ...string) *Process {
	b.T.Helper()
	if _, err := os.Stat(filepath.Join(b.Path(state), "server.json")); err != nil {
		Must(b.T, FreePorts(b.Path(state)))
	}
	return b.Start(LonghaulProgram, append([]string{"run", "--embedded", "--state-dir", b.Path(state), "--progress", "plain"}, args...)...)
}

// Lines makes lines of numbers, 1 to n.
func Lines(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	return b.Bytes()
}

// Same compares a file with what it should be, and shows the first difference only.
func (b *Bench) Same(name string, want []byte) {
	b.T.Helper()
	got := b.Read(name)
	if bytes.Equal(got, want) {
		return
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	b.T.Fatalf("%s has %d bytes, want %d; they differ from byte %d, in line %d: %.80q, want %.80q",
		name, len(got), len(want), i, bytes.Count(got[:i], []byte{'\n'}), got[i:], want[i:])
}

// Tidy checks that nothing of the work is left beside an output.
func (b *Bench) Tidy(output string) {
	b.T.Helper()
	dir, err := os.ReadDir(b.Path(output + ".longhaul"))
	Must(b.T, err)
	var names []string
	for _, d := range dir {
		names = append(names, d.Name())
	}
	if got := strings.Join(names, " "); got != "errors.jsonl lock manifest segments" {
		b.T.Errorf("beside the output: %s", got)
	}
	segments, err := os.ReadDir(b.Path(output + ".longhaul/segments"))
	Must(b.T, err)
	if len(segments) > 0 {
		b.T.Errorf("%d segments are left", len(segments))
	}
}
