package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// loop is the practical ceiling: what one would write in Go without longhaul.
var loop = &candidate{
	name: "loop", is: "a bare Go loop: net/http, results in order through a channel of channels, a reorder buffer of 4 x the requests in flight",
	missing: nothing,
	run: func(ctx context.Context, b *bench, g given) (sample, error) {
		r, err := execute(ctx, nil, b.self, arguments("loop", "-in-flight", strconv.Itoa(g.InFlight), g.input, g.output, g.url))
		return r.sample, err
	},
}

// bareLoop has as many requests at once as asked. It loses everything in a crash, tries nothing again, and stops behind a slow record when the
// channel is full.
func bareLoop(ctx context.Context, args []string) error {
	return inOrder(args, func(inFlight int, url string) func(string) ([]byte, error) {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, inFlight
		client := &http.Client{Transport: transport}
		return func(record string) ([]byte, error) { return fetch(ctx, client, url+record) }
	})
}

// execs is the same loop with a command for each record.
var execs = &candidate{
	name: "exec-loop", is: "a bare Go loop: os/exec, results in order through a channel of channels", missing: nothing,
	run: func(ctx context.Context, b *bench, g given) (sample, error) {
		r, err := execute(ctx, nil, b.self, arguments("exec-loop", "-in-flight", strconv.Itoa(g.InFlight), g.input, g.output))
		return r.sample, err
	},
}

func execLoop(ctx context.Context, args []string) error {
	return inOrder(args, func(int, string) func(string) ([]byte, error) {
		return func(record string) ([]byte, error) {
			b, err := exec.CommandContext(ctx, "echo", record).Output()
			return b[:max(0, len(b)-1)], err
		}
	})
}

// inOrder runs a loop's records, some at once, and writes their results in order.
func inOrder(args []string, prepare func(inFlight int, url string) func(record string) ([]byte, error)) error {
	set := flag.NewFlagSet("loop", flag.ExitOnError)
	inFlight := set.Int("in-flight", 200, "records in flight")
	if err := set.Parse(args); err != nil {
		return err
	}
	begun := time.Now()
	in, err := os.Open(set.Arg(0))
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(set.Arg(1))
	if err != nil {
		return err
	}
	defer out.Close()
	do := prepare(*inFlight, set.Arg(2))

	type item struct {
		result []byte
		err    error
	}
	ordered := make(chan chan item, 4**inFlight)
	slots := make(chan struct{}, *inFlight)
	readErr := make(chan error, 1)
	go func() {
		defer close(ordered)
		s := bufio.NewScanner(in)
		for s.Scan() {
			record := s.Text()
			c := make(chan item, 1)
			ordered <- c
			slots <- struct{}{}
			go func() {
				defer func() { <-slots }()
				b, err := do(record)
				c <- item{b, err}
			}()
		}
		readErr <- s.Err()
	}()
	w := bufio.NewWriterSize(out, 1<<20)
	for c := range ordered {
		i := <-c
		if i.err != nil {
			return i.err
		}
		w.Write(i.result)
		w.WriteByte('\n')
	}
	if err := <-readErr; err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s%f\n", work, time.Since(begun).Seconds())
	return nil
}

func fetch(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}
