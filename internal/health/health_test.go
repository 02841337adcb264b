package health_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/longhaul/longhaul/internal/health"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T) *health.Server {
	t.Helper()
	s, err := health.Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// get asks as a prober does, and returns the status and the line.
func get(t *testing.T, s *health.Server, path string) (int, string) {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + s.Address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSuffix(string(b), "\n")
}

func TestAWorkerIsLiveAllAlongAndReadyInBetween(t *testing.T) {
	s := serve(t)
	away := errors.New("the server is away")
	var found error
	for _, step := range []struct {
		name   string
		do     func()
		status int
		said   string
	}{
		{"starting", func() {}, 503, "starting"},
		{"at work", func() { s.Ready(func(context.Context) error { return found }) }, 200, "ok"},
		{"its server away", func() { found = away }, 503, away.Error()},
		{"its server back", func() { found = nil }, 200, "ok"},
		{"draining", func() { s.NotReady("draining") }, 503, "draining"},
	} {
		step.do()
		if status, said := get(t, s, health.Ready); status != step.status || said != step.said {
			t.Errorf("%s: %d %q, want %d %q", step.name, status, said, step.status, step.said)
		}
		if status, said := get(t, s, health.Live); status != 200 || said != "ok" {
			t.Errorf("%s: live: %d %q", step.name, status, said)
		}
		err := health.Ask(t.Context(), s.Address)
		if ready := step.status == 200; ready != (err == nil) || !ready && err.Error() != "not ready: "+step.said {
			t.Errorf("%s: asked: %v", step.name, err)
		}
	}
}

// TestACheckThatHangsIsGivenUp has a server that never answers: so does the check, until its context ends.
func TestACheckThatHangsIsGivenUp(t *testing.T) {
	s := serve(t)
	s.Ready(func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if status, said := get(t, s, health.Ready); status != 503 || said != context.DeadlineExceeded.Error() {
		t.Errorf("%d %q", status, said)
	}
}

func TestAWorkerThatListensEverywhereIsAskedHere(t *testing.T) {
	s := serve(t)
	s.Ready(func(context.Context) error { return nil })
	_, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{":" + port, "0.0.0.0:" + port, "[::]:" + port} {
		if err := health.Ask(t.Context(), address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"127.0.0.1", "127.0.0.1:1"} {
		if err := health.Ask(t.Context(), address); err == nil || !strings.HasPrefix(err.Error(), "ask the worker: ") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestAnAddressThatIsTakenIsRefused(t *testing.T) {
	s := serve(t)
	if _, err := health.Serve(s.Address); err == nil || !strings.Contains(err.Error(), "address already in use (name a free port") {
		t.Errorf("said: %v", err)
	}
}

func TestWithoutAnAddressNobodyIsTold(t *testing.T) {
	var s *health.Server
	s.Ready(func(context.Context) error { return nil })
	s.NotReady("draining")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
