package harness

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// DevServer is a development server of a test's own, on a database file, which the test may kill and start again on the same ports.
type DevServer struct {
	*Process
	Address string
	args    []string
}

// DevServer starts one and waits until it serves.
func (b *Bench) DevServer(database string) *DevServer {
	b.T.Helper()
	var ports [4]string
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		Must(b.T, err)
		defer l.Close()
		ports[i] = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	}
	s := &DevServer{Address: net.JoinHostPort("127.0.0.1", ports[0]), args: []string{
		"server", "start-dev", "--ip", "127.0.0.1", "--headless", "--port", ports[0], "--ui-port", ports[1], "--http-port", ports[2],
		"--metrics-port", ports[3], "--db-filename", b.Path(database), "--sqlite-pragma", "journal_mode=wal", "--log-level", "error",
	}}
	return s
}

// Start starts the server, again after a Kill, and waits until it serves.
func (s *DevServer) Start(b *Bench) {
	b.T.Helper()
	s.Launch(b)
	s.Serves(b)
}

// Launch starts the server without waiting for it.
func (s *DevServer) Launch(b *Bench) {
	b.T.Helper()
	s.Process = b.Start(TemporalProgram, s.args...)
}

// Answers waits until the server's port answers, and returns when that was.
func (s *DevServer) Answers(b *Bench) time.Time {
	b.T.Helper()
	return b.Answers(s.Address)
}

// Answers waits until something listens at an address, and returns when that was.
func (b *Bench) Answers(address string) time.Time {
	b.T.Helper()
	b.Until(address+" answers", func() bool { return b.Listens(address) })
	return time.Now()
}

// Listens says whether something listens at an address.
func (b *Bench) Listens(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// Serves waits until the server serves.
func (s *DevServer) Serves(b *Bench) {
	b.T.Helper()
	b.Until("the server serves", func() bool { return serves(s.Address) })
}

func serves(address string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), Patience/100)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{HostPort: address, Logger: Quiet{}})
	if err != nil {
		return false
	}
	defer c.Close()
	_, err = c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: client.DefaultNamespace})
	return err == nil
}

// NewAlone makes a test's folder for a test that has a server of its own, or none.
func NewAlone(t *testing.T) *Bench {
	t.Helper()
	return &Bench{T: t, Dir: t.TempDir(), Namespace: client.DefaultNamespace}
}
