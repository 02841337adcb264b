package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"go.temporal.io/sdk/converter"
)

// Bounds of the codec server.
const (
	// MaxRequest is how many bytes a request may have: Temporal's answers have 4 MiB at most, and as JSON a third more.
	MaxRequest = 16 << 20
	// maxAtOnce is how many requests are read and answered at a time, which bounds the memory that they take.
	maxAtOnce = 4
	// requestTimeout is how long a request may take to come, or its answer to go.
	requestTimeout = 30 * time.Second
)

// NewServer makes a codec server: it decrypts (/decode) and encrypts (/encode) payloads by HTTP, as Temporal's Web UI and command line ask for it. Pages of the
// origins may ask it, those of others are refused; programs, which name no origin, may. It reads keys to nobody, but whoever reaches it can read every job.
func NewServer(keys Keys, origins []string) *http.Server {
	s := &server{next: converter.NewPayloadCodecHTTPHandler(keys), origins: origins, free: make(chan struct{}, maxAtOnce)}
	mux := http.NewServeMux()
	for _, path := range []string{"/decode", "/encode"} {
		mux.HandleFunc("POST "+path, s.answer)
		mux.HandleFunc("OPTIONS "+path, s.preflight)
	}
	return &http.Server{
		Handler: mux, ReadHeaderTimeout: requestTimeout, ReadTimeout: requestTimeout, WriteTimeout: 2 * requestTimeout, MaxHeaderBytes: 64 << 10,
	}
}

// Origin checks what is to be an origin, such as https://cloud.temporal.io: scheme and host, no path.
func Origin(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != text {
		return fmt.Errorf("%q is no origin: want one such as http://127.0.0.1:8233, without a path or a slash at its end", text)
	}
	return nil
}

type server struct {
	next    http.Handler
	origins []string
	free    chan struct{}
}

// answer answers a request to decrypt or encrypt.
func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	if !s.allow(w, r) {
		return
	}
	select {
	case s.free <- struct{}{}:
		defer func() { <-s.free }()
	case <-r.Context().Done():
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxRequest))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, fmt.Sprintf("a request may have %d bytes", MaxRequest), http.StatusRequestEntityTooLarge)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.next.ServeHTTP(w, r)
	}
}

// preflight answers a browser that asks whether a page may.
func (s *server) preflight(w http.ResponseWriter, r *http.Request) {
	if !s.allow(w, r) {
		return
	}
	w.Header().Set("Access-Control-Allow-Methods", "POST")
	w.Header().Set("Access-Control-Allow-Headers", "Content-Type, X-Namespace, Authorization")
	w.WriteHeader(http.StatusNoContent)
}

// allow lets the pages of the origins read the answer, and refuses others.
func (s *server) allow(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if !slices.Contains(s.origins, origin) {
		http.Error(w, fmt.Sprintf("pages of %s may not ask (--cors-origin %[1]s allows it)", origin), http.StatusForbidden)
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Allow-Credentials", "true") // which a setting of the Web UI asks for
	return true
}
