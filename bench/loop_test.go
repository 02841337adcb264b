package main

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The loops' results come in the input's order whatever order they finished in.
func TestTheLoopsKeepTheOrder(t *testing.T) {
	s := httptest.NewServer(newTarget(100*time.Microsecond, 20*time.Millisecond))
	defer s.Close()
	b := &bench{dir: t.TempDir()}
	for name, tt := range map[string]struct {
		loop part
		kind kind
		n    int
	}{"requests": {bareLoop, get, 500}, "commands": {execLoop, command, 50}} {
		in, err := b.input(tt.n)
		if err != nil {
			t.Fatal(err)
		}
		g := given{workload: workload{Records: tt.n, Kind: tt.kind}, input: in, output: filepath.Join(b.dir, name)}
		if err := tt.loop(t.Context(), []string{"-in-flight", "8", g.input, g.output, s.URL + "/"}); err != nil {
			t.Fatal(err)
		}
		if err := checkOutput(g); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestALoopFailsWithItsTarget(t *testing.T) {
	s := httptest.NewServer(newTarget(0, time.Nanosecond))
	defer s.Close()
	b := &bench{dir: t.TempDir()}
	in, err := b.input(10)
	if err != nil {
		t.Fatal(err)
	}
	err = bareLoop(t.Context(), []string{in, filepath.Join(b.dir, "out"), s.URL + "/not-a-number-"})
	if err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("got %v", err)
	}
}
