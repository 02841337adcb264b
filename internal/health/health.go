// Package health tells by HTTP whether a worker lives and whether it takes work, for those who start it, watch it and stop it: Docker, Kubernetes,
// a load balancer, an operator.
package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The paths that are served. Each answers 200 for yes and 503 for no, with a line that says why.
const (
	// Live says that the process serves; what it does with a server that is away is its own matter.
	Live = "/healthz"
	// Ready says that it takes work.
	Ready = "/readyz"
)

// checkTimeout bounds one look at whether the worker takes work.
const checkTimeout = 2 * time.Second

// Server answers for a worker. A nil *Server does nothing. It is safe for concurrent use.
type Server struct {
	// Address is where it listens.
	Address string

	http  http.Server
	ended chan struct{}

	mu    sync.Mutex
	check func(context.Context) error
}

// Serve answers at an address, "host:port", until Close; at first, that the worker is starting. A port of 0 is any that is free.
func Serve(address string) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve health: %w (name a free port, as in --health 127.0.0.1:9465, or leave it out)", err)
	}
	s := &Server{Address: l.Addr().String(), ended: make(chan struct{})}
	s.NotReady("starting")
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Live, func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("GET "+Ready, func(w http.ResponseWriter, r *http.Request) { answer(w, s.ready(r.Context())) })
	s.http = http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.ended)
		_ = s.http.Serve(l) // until Close
	}()
	return s, nil
}

// answer says yes, or why not. A client that has gone needs no answer.
func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(w, err)
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}

// ready looks whether the worker takes work.
func (s *Server) ready(ctx context.Context) error {
	s.mu.Lock()
	check := s.check
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return check(ctx)
}

// Ready says that the worker takes work whenever the check finds nothing against it. The check is called at each question, and has 2 seconds.
func (s *Server) Ready(check func(context.Context) error) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.check = check
}

// NotReady says that the worker takes no work, and why.
func (s *Server) NotReady(reason string) {
	s.Ready(func(context.Context) error { return errors.New(reason) })
}

// Close ends answering.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	err := s.http.Close()
	<-s.ended
	return err
}

// Ask asks the worker that answers at an address of this machine, as Serve took it, whether it is ready. The error says why it is not.
func Ask(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("ask the worker: %w (want host:port)", err)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost" // it listens everywhere
	}
	ctx, cancel := context.WithTimeout(ctx, 2*checkTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+Ready, nil)
	if err != nil {
		return fmt.Errorf("ask the worker: %w", err)
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // a proxy of the environment is not asked
	resp, err := c.Do(r)
	if err != nil {
		return fmt.Errorf("ask the worker: %w", err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("ask the worker: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", strings.TrimSpace(string(said)))
	}
	return nil
}
