package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// One in a hundred takes twenty times as long, and the average is that which was asked for.
func TestLatenciesHaveTheAverageAndTheTailAskedFor(t *testing.T) {
	const n = 100_000
	average := 100 * time.Millisecond
	usual := time.Duration(float64(average) / 1.19)
	var sum time.Duration
	slow := 0
	for r := range n {
		d := latency(r, average, 0)
		sum += d
		switch {
		case d >= 10*usual && d <= 30*usual:
			slow++
		case d < usual/2 || d > usual*3/2:
			t.Fatalf("record %d takes %s", r, d)
		}
	}
	if mean := sum / n; mean < average*98/100 || mean > average*102/100 {
		t.Errorf("%s on average", mean)
	}
	if slow < n/100*9/10 || slow > n/100*11/10 {
		t.Errorf("%d of %d are slow", slow, n)
	}
	if got, want := latency(0, average, time.Minute), time.Minute; got != want {
		t.Errorf("record 0 takes %s, want %s", got, want)
	}
	if got := latency(1, average, time.Minute); got != latency(1, average, 0) {
		t.Errorf("record 1 takes %s when record 0 is slow", got)
	}
}

func TestTheIdealIsTheSumOverTheRequestsInFlight(t *testing.T) {
	w := workload{Records: 3, InFlight: 2, Target: tailed, First: time.Second}
	want := (time.Second + latency(1, averages[tailed], 0) + latency(2, averages[tailed], 0)) / 2
	if got := ideal(w); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTheTargetAnswersAndCounts(t *testing.T) {
	s := httptest.NewServer(newTarget(0, time.Nanosecond))
	defer s.Close()
	for _, r := range []string{"0", "7"} {
		resp, err := http.Get(s.URL + "/" + r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(b) != "result "+r {
			t.Errorf("%q, %v", b, err)
		}
	}
	far := &target{url: s.URL + "/", counted: true}
	var seen traffic
	if err := far.ask(t.Context(), http.MethodGet, "traffic", &seen); err != nil || seen.Requests != 2 || seen.Peak != 1 || seen.First == 0 {
		t.Errorf("%+v, %v", seen, err)
	}
	if err := far.reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := far.ask(t.Context(), http.MethodGet, "traffic", &seen); err != nil || seen != (traffic{}) {
		t.Errorf("after a reset: %+v, %v", seen, err)
	}
}

func TestNginxAnswersAsTheTargetDoes(t *testing.T) {
	if why := needs(map[string]string{"nginx": "nginx-light"})(t.Context()); why != "" {
		t.Skip(why)
	}
	far, err := startNginx(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer far.stop()
	b, err := fetch(t.Context(), http.DefaultClient, far.url+"42")
	if err != nil || string(b) != "result 42" {
		t.Errorf("%q, %v", b, err)
	}
}
