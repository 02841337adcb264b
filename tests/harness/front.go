package harness

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
)

// Front stands before the shared server, which has no TLS of its own, as a load balancer or the gateway of a cloud does: it ends TLS, asks for
// what it was told to, and passes gRPC on.
type Front struct {
	// Address is where it listens.
	Address string
	// APIKey, where it is not empty, is the one key that is let through.
	APIKey string
	// Passed and Refused count requests.
	Passed, Refused atomic.Int64
}

var silent = log.New(io.Discard, "", 0)

// Front starts one with the certificate of the bench of that name ([Bench.Certificates]). With mutual it asks clients for a certificate of the bench's authority.
func (b *Bench) Front(certificate string, mutual bool, apiKey string) *Front {
	b.T.Helper()
	cert, err := tls.LoadX509KeyPair(b.Path(certificate+".pem"), b.Path(certificate+"-key.pem"))
	Must(b.T, err)
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}}
	if mutual {
		conf.ClientAuth, conf.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		conf.ClientCAs.AppendCertsFromPEM(b.Read("ca.pem"))
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	Must(b.T, err)
	f := &Front{Address: l.Addr().String(), APIKey: apiKey}
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: f.before(&httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: Server.Address}) },
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      silent, // of calls that end with a test
	}), Protocols: new(http.Protocols), ErrorLog: silent}
	server.Protocols.SetHTTP2(true)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	b.T.Cleanup(func() {
		server.Close()
		<-served
		transport.CloseIdleConnections()
	})
	return f
}

// before refuses what has not the key, in gRPC's way.
func (f *Front) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.APIKey != "" && r.Header.Get("Authorization") != "Bearer "+f.APIKey {
			f.Refused.Add(1)
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Grpc-Status", "16")
			w.Header().Set("Grpc-Message", "Request unauthorized.")
			return
		}
		f.Passed.Add(1)
		next.ServeHTTP(w, r)
	})
}
