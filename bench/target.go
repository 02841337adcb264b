package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// targetKind is how the far side answers.
type targetKind string

const (
	instant     targetKind = "instant" // at once
	tailed      targetKind = "tailed"  // after 100 ms on average
	quickTailed targetKind = "quick-tailed"
	nginxServer targetKind = "nginx" // at once, by nginx
)

// averages is the average latency of each kind of target.
var averages = map[targetKind]time.Duration{tailed: 100 * time.Millisecond, quickTailed: 5 * time.Millisecond}

// traffic is what a target saw.
type traffic struct {
	Requests int64 `json:"requests"`
	First    int64 `json:"first"` // in nanoseconds of the Unix epoch
	Peak     int64 `json:"peak"`  // requests at once
}

// counts is the traffic while it goes on.
type counts struct{ requests, first, peak, now atomic.Int64 }

func (c *counts) begin() {
	if c.first.Load() == 0 {
		c.first.CompareAndSwap(0, time.Now().UnixNano())
	}
	for n := c.now.Add(1); ; {
		p := c.peak.Load()
		if n <= p || c.peak.CompareAndSwap(p, n) {
			return
		}
	}
}

func (c *counts) end() {
	c.now.Add(-1)
	c.requests.Add(1)
}

// serveTarget is the far side: it answers GET /N with "result N" after N's latency. It ends when its standard input does, so with whoever started it.
func serveTarget(_ context.Context, args []string) error {
	set := flag.NewFlagSet("target", flag.ExitOnError)
	average := set.Duration("average", 0, "latency on average")
	first := set.Duration("first", 0, "latency of record 0, where it is another")
	if err := set.Parse(args); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/\n", l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return http.Serve(l, newTarget(*average, *first))
}

func newTarget(average, first time.Duration) http.Handler {
	var c atomic.Pointer[counts]
	c.Store(&counts{})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /reset", func(http.ResponseWriter, *http.Request) { c.Store(&counts{}) })
	mux.HandleFunc("GET /traffic", func(w http.ResponseWriter, _ *http.Request) {
		c := c.Load()
		_ = json.NewEncoder(w).Encode(traffic{c.requests.Load(), c.first.Load(), c.peak.Load()})
	})
	mux.HandleFunc("GET /{record}", func(w http.ResponseWriter, r *http.Request) {
		c := c.Load()
		c.begin()
		defer c.end()
		record := r.URL.Path[1:]
		if average > 0 || first > 0 {
			n, err := strconv.Atoi(record)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			time.Sleep(latency(n, average, first))
		}
		_, _ = io.WriteString(w, "result "+record)
	})
	return mux
}

// Of the records one in slowOneIn takes slowTimes as long as the others.
const (
	slowOneIn = 100
	slowTimes = 20
)

// latency is how long the answer to a record takes: always the same for the same record, so that the sum over an input is known.
func latency(record int, average, first time.Duration) time.Duration {
	if record == 0 && first > 0 {
		return first
	}
	usual := float64(average) / (1 + float64(slowTimes-1)/slowOneIn)
	h := mix(uint64(record))
	d := usual * (0.5 + float64(h>>32)/(1<<32)) // half to one and a half of it
	if h%slowOneIn == 0 {
		d *= slowTimes
	}
	return time.Duration(d)
}

// mix scatters a number (the finalizer of SplitMix64: Steele, Lea, Flood, Fast splittable pseudorandom number generators, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// ideal is the time that the latencies of an input take when every request in flight is always used.
func ideal(w workload) time.Duration {
	var sum time.Duration
	for n := range w.Records {
		sum += latency(n, averages[w.Target], w.First)
	}
	return sum / time.Duration(w.InFlight)
}

// target is a far side that runs.
type target struct {
	url     string
	counted bool // it tells its traffic
	stop    func()
}

// target returns the far side of a workload, starting it for the first that needs it.
func (b *bench) target(ctx context.Context, w workload) (*target, error) {
	key := fmt.Sprint(w.Target, w.First)
	if t := b.targets[key]; t != nil {
		return t, nil
	}
	var t *target
	var err error
	if w.Target == nginxServer {
		t, err = startNginx(ctx, b.dir)
	} else {
		t, err = startTarget(b.self, averages[w.Target], w.First)
	}
	if err == nil {
		b.targets[key] = t
	}
	return t, err
}

// startTarget starts our own as a process.
func startTarget(self string, average, first time.Duration) (*target, error) {
	cmd := exec.Command(self, "target", "-average", average.String(), "-first", first.String())
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := func() {
		in.Close()
		_ = cmd.Wait()
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return nil, err
	}
	return &target{url: strings.TrimSpace(url), counted: true, stop: stop}, nil
}

func (t *target) reset(ctx context.Context) error {
	if !t.counted {
		return nil
	}
	return t.ask(ctx, http.MethodPost, "reset", nil)
}

func (t *target) ask(ctx context.Context, method, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, t.url+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// observe adds what the target saw of a run, and checks that it was given the work that it should have been given.
func (t *target) observe(ctx context.Context, s *sample, g given, c *candidate) error {
	if averages[g.Target] > 0 {
		s.Ideal = ideal(g.workload).Seconds()
	}
	if !t.counted || c.noOutput {
		return nil
	}
	var seen traffic
	if err := t.ask(ctx, http.MethodGet, "traffic", &seen); err != nil {
		return err
	}
	if seen.Requests < int64(g.Records) || seen.Peak > int64(g.InFlight) {
		return fmt.Errorf("the target saw %d requests, %d at once, of %d with %d in flight", seen.Requests, seen.Peak, g.Records, g.InFlight)
	}
	s.PeakInFlight = seen.Peak
	changed, err := lastChange(g.output)
	if err != nil {
		return err
	}
	s.Span = math.Max(0, changed.Sub(time.Unix(0, seen.First)).Seconds())
	return nil
}

// lastChange is when an output was last changed: its manifest for longhaul's, the file itself for others.
func lastChange(output string) (time.Time, error) {
	fi, err := os.Stat(output + ".longhaul/manifest")
	if os.IsNotExist(err) {
		fi, err = os.Stat(output)
	}
	if err != nil {
		return time.Time{}, err
	}
	return fi.ModTime(), nil
}
