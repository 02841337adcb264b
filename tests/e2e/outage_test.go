package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/tests/harness"
)

// TestOutage has the target answer 503 for a while in the middle: no record fails, the reason is in plain sight, and work goes on by itself.
func TestOutage(t *testing.T) {
	const n = 2_000
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(4*time.Millisecond))
	b.Worker()
	b.Write("in", harness.Lines(n))
	p := b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", "20", "--job", "outage")
	b.Until("a quarter done", func() bool { total, _, _ := tg.Counts(); return total >= n/4 })
	tg.SetDown(true)
	b.Until("the reason in a pending activity", func() bool {
		d, err := b.Client.DescribeWorkflowExecution(t.Context(), "outage", "")
		harness.Must(t, err)
		for _, a := range d.GetPendingActivities() {
			f := a.GetLastFailure()
			if f.GetApplicationFailureInfo().GetType() == string(job.Outage) && strings.Contains(f.GetMessage(), "503") {
				return true
			}
		}
		return false
	})
	p.Says("waiting: process: the far side seems to be down")
	tg.SetDown(false)
	p.Ended(0)
	b.Same("out", harness.Oracle(n))
	b.Same("out.longhaul/errors.jsonl", nil)
	tg.Once(t, n) // beside the requests that met the outage
	if tg.Refused() == 0 {
		t.Error("no request met the outage")
	}
}

// TestOutageFromTheStart has nothing listen at the address until the job has begun to wait.
func TestOutageFromTheStart(t *testing.T) {
	const n = 100
	b := harness.New(t)
	b.Worker()
	b.Write("in", harness.Lines(n))
	// A socket that is bound and does not listen refuses connections, and nobody else is given its port meanwhile.
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	harness.Must(t, err)
	file := os.NewFile(uintptr(socket), "target")
	defer file.Close()
	harness.Must(t, unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	bound, err := unix.Getsockname(socket)
	harness.Must(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port)
	p := b.Longhaul("in", "--output", "out", "--http", "http://"+address+"/{{.}}", "--concurrency", "20")
	p.Says("connection refused")
	harness.Must(t, unix.Listen(socket, 100))
	l, err := net.FileListener(file)
	harness.Must(t, err)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(harness.Answer(r.URL.Path[1:])))
	})}
	go func() { _ = s.Serve(l) }()
	defer s.Close()
	p.Ended(0)
	b.Same("out", harness.Oracle(n))
}

// TestRetryAfter has the target ask for a pause of two seconds, longer than the backoff would be.
func TestRetryAfter(t *testing.T) {
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.RetryAfter = "2"
	tg.SetDown(true)
	b.Worker()
	b.Write("in", harness.Lines(5))
	p := b.Longhaul("in", "--output", "out", "--http", tg.Template())
	b.Until("all refused once", func() bool { return tg.Refused() >= 5 })
	begun := time.Now()
	tg.SetDown(false)
	p.Ended(0)
	b.Same("out", harness.Oracle(5))
	tg.Once(t, 5)
	if waited := time.Since(begun); waited < 1500*time.Millisecond {
		t.Errorf("asked again after %s", waited)
	}
	if tg.Refused() != 5 {
		t.Errorf("%d requests were refused, want 5: the pause was not kept", tg.Refused())
	}
}
