package h1

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// watched is a context as Watched asks for, which counts how often somebody asks for its Done.
type watched struct {
	context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	f      func()
	struck bool
	dones  int
}

func newWatched(t *testing.T) *watched {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return &watched{Context: ctx, cancel: cancel}
}

func (w *watched) Done() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dones++
	return w.Context.Done()
}

func (w *watched) Watch(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.f = f
}

func (w *watched) Unwatch() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.f = nil
	return !w.struck
}

// strike cancels the context, and the watch if there is one.
func (w *watched) strike() {
	w.cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.struck = w.f != nil; w.struck {
		w.f()
	}
}

func TestAWatchedContextIsNotAskedForMore(t *testing.T) {
	url, connections := counted(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	tr := transport(t, 10)
	if b, err := get(t.Context(), tr, url); b != "x" || err != nil { // dialling asks for Done
		t.Fatal(b, err)
	}
	w := newWatched(t)
	for range 20 {
		if b, err := get(w, tr, url); b != "x" || err != nil {
			t.Fatal(b, err)
		}
	}
	if w.dones > 0 || w.f != nil || connections() != 1 {
		t.Errorf("Done was asked for %d times, a watch left: %v, %d connections", w.dones, w.f != nil, connections())
	}
}

func TestARequestEndsWithItsWatchedContext(t *testing.T) {
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	url, connections := counted(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			fmt.Fprint(w, "x")
			return
		case "/body":
			w.Header().Set("Content-Length", "10")
			fmt.Fprint(w, "half ")
			w.(http.Flusher).Flush()
		}
		arrived <- struct{}{}
		<-release
	})
	defer close(release)
	tr := transport(t, 10)
	for i, path := range []string{"/header", "/body"} {
		w := newWatched(t)
		go func() {
			<-arrived
			w.strike()
		}()
		if _, err := get(w, tr, url+path); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", path, err)
		}
		if b, err := get(newWatched(t), tr, url+"/"); b != "x" || err != nil {
			t.Errorf("after %s: %q, %v", path, b, err)
		}
		if n := connections(); n != i+2 {
			t.Errorf("after %s: %d connections, want the one that was struck given up", path, n)
		}
	}
}
