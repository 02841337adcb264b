package task

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/longhaul/longhaul/job"
)

// pemFile writes blocks of PEM into a file.
func pemFile(t *testing.T, blocks ...*pem.Block) string {
	t.Helper()
	var b []byte
	for _, block := range blocks {
		b = append(b, pem.EncodeToMemory(block)...)
	}
	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// keyBlock is a private key.
func keyBlock(t *testing.T, key any) *pem.Block {
	t.Helper()
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &pem.Block{Type: "PRIVATE KEY", Bytes: b}
}

// tlsServer says by which protocol it is asked, and how many certificates the client has.
func tlsServer(t *testing.T, auth tls.ClientAuthType) (s *httptest.Server, cert, key *pem.Block) {
	t.Helper()
	s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s, %d certificates", r.Proto, len(r.TLS.PeerCertificates))
	}))
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{ClientAuth: auth}
	if auth == tls.RequireAnyClientCert {
		s.TLS.MaxVersion = tls.VersionTLS12 // which refuses a client before it can send anything
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, &pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}, keyBlock(t, s.TLS.Certificates[0].PrivateKey)
}

func TestCertificatesAreThoseOfTheFiles(t *testing.T) {
	s, cert, key := tlsServer(t, tls.RequestClientCert)
	ca, pair, own := pemFile(t, cert), pemFile(t, cert, key), pemFile(t, key)
	for name, c := range map[string]struct {
		args arguments
		want string
	}{
		"trusted":                       {arguments{"caFile": ca}, "HTTP/2.0, 0 certificates"},
		"with a certificate of its own": {arguments{"caFile": ca, "certFile": ca, "keyFile": own}, "HTTP/2.0, 1 certificates"},
		"in one file":                   {arguments{"caFile": ca, "certFile": pair}, "HTTP/2.0, 1 certificates"},
		"HTTP/2 only":                   {arguments{"caFile": ca, "http2": true}, "HTTP/2.0, 0 certificates"},
	} {
		t.Run(name, func(t *testing.T) {
			c.args["url"] = s.URL
			r, err := do(t.Context(), builtin(t, "http", mustJSON(c.args)), "x")
			wantValue(t, r, err, c.want)
		})
	}
	_, err := do(t.Context(), asking(t, s.URL), "x")
	wantFailure(t, err, Transient, "certificate signed by unknown authority") // until somebody mends it
}

func TestAClientWithoutItsCertificateIsNoSuccess(t *testing.T) {
	s, cert, _ := tlsServer(t, tls.RequireAnyClientCert)
	_, err := do(t.Context(), builtin(t, "http", mustJSON(arguments{"url": s.URL, "caFile": pemFile(t, cert)})), "x")
	wantFailure(t, err, Transient, "remote error: tls: ")
}

func TestABadCertificateFileIsRefusedByName(t *testing.T) {
	_, cert, key := tlsServer(t, tls.NoClientCert)
	strange, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "missing.pem")
	ca, own, other := pemFile(t, cert), pemFile(t, key), pemFile(t, keyBlock(t, strange))
	for name, c := range map[string]struct {
		args arguments
		want string
	}{
		"a missing CA file":      {arguments{"caFile": missing}, "caFile: open " + missing + ": no such file or directory"},
		"no certificate":         {arguments{"caFile": own}, "caFile: " + own + ": it holds no certificate in PEM form"},
		"a missing certificate":  {arguments{"certFile": missing}, "certFile: open " + missing + ": no such file or directory"},
		"a missing key":          {arguments{"certFile": ca, "keyFile": missing}, "keyFile: open " + missing + ": no such file or directory"},
		"a file without its key": {arguments{"certFile": ca}, "certFile " + ca + ", key " + ca + ": tls: found a certificate rather than a key in the PEM for the private key"},
		"another's key":          {arguments{"certFile": ca, "keyFile": other}, "certFile " + ca + ", key " + other + ": tls: private key type does not match public key type"},
	} {
		t.Run(name, func(t *testing.T) {
			c.args["url"] = "https://127.0.0.1:1/"
			made := builtin(t, "http", mustJSON(c.args))
			want := "spec: task http: " + c.want + " (every worker needs the file at this path; the same command goes on)"
			if err := made.(interface{ Check() error }).Check(); err == nil || err.Error() != want || job.KindOf(err) != job.InvalidSpec {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			_, err := do(t.Context(), made, "x")
			wantFailure(t, err, Permanent, want)
		})
	}
}

func TestHTTP2WithoutTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	s.Config.Protocols = &http.Protocols{}
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	for args, want := range map[string]string{`{"http2":true}`: "HTTP/2.0", `{"http2":false}`: "HTTP/1.1"} {
		r, err := do(t.Context(), builtin(t, "http", `{"url":"`+s.URL+`",`+args[1:]), "x")
		wantValue(t, r, err, want)
	}
}
