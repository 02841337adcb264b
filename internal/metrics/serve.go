package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	prom "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

// Path is where the numbers are, by HTTP.
const Path = "/metrics"

// Server serves a worker's numbers.
type Server struct {
	*Metrics
	// Address is where it listens.
	Address string
	// SDK is what Temporal's client and its workers add their own numbers to.
	SDK client.MetricsHandler

	provider *sdk.MeterProvider
	http     http.Server
	ended    chan struct{}
}

// Serve serves at an address, "host:port", until Close. A port of 0 is any that is free.
func Serve(address string) (*Server, error) {
	s := &Server{Metrics: &Metrics{}, ended: make(chan struct{})}
	handler, err := s.setUp()
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w (name a free port, as in --metrics 127.0.0.1:9464, or leave it out)", err)
	}
	s.Address = l.Addr().String()
	mux := http.NewServeMux()
	mux.Handle("GET "+Path, handler)
	s.http = http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.ended)
		_ = s.http.Serve(l) // until Close
	}()
	return s, nil
}

// setUp brings the numbers, those of the SDK and those of the process together.
func (s *Server) setUp() (http.Handler, error) {
	registry := prom.NewRegistry()
	exporter, err := prometheus.New(prometheus.WithRegisterer(registry), prometheus.WithoutScopeInfo(), prometheus.WithoutTargetInfo(),
		prometheus.WithProducer(latencies{s.Metrics, time.Now()}))
	if err != nil {
		return nil, err
	}
	s.provider = sdk.NewMeterProvider(sdk.WithReader(exporter), sdk.WithView(inSeconds()))
	if err := s.instruments(s.provider.Meter("longhaul")); err != nil {
		return nil, err
	}
	s.SDK = opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: s.provider.Meter("temporal-sdk-go"), UseMonotonicCounters: true,
		OnError: func(error) {}, // a number that cannot be kept is no reason to stop
	})
	for _, c := range []prom.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), nil
}

// Close ends serving.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.ended
	return errors.Join(err, s.provider.Shutdown(context.Background()))
}
