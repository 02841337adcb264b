package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
)

// bareLoop is what one would write in Go without longhaul: as many requests at once as asked, results in order through a channel of channels.
// It loses everything in a crash, and stops behind a slow record when the channel is full.
func bareLoop(args []string) error {
	set := flag.NewFlagSet("bare", flag.ExitOnError)
	inFlight := set.Int("in-flight", 200, "requests in flight")
	if err := set.Parse(args); err != nil {
		return err
	}
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
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, *inFlight
	client := &http.Client{Transport: transport}

	type item struct {
		body []byte
		err  error
	}
	ordered := make(chan chan item, 4**inFlight)
	slots := make(chan struct{}, *inFlight)
	readErr := make(chan error, 1)
	go func() {
		defer close(ordered)
		s := bufio.NewScanner(in)
		for s.Scan() {
			url := set.Arg(2) + s.Text()
			c := make(chan item, 1)
			ordered <- c
			slots <- struct{}{}
			go func() {
				defer func() { <-slots }()
				body, err := get(client, url)
				c <- item{body, err}
			}()
		}
		readErr <- s.Err()
	}()
	w := bufio.NewWriter(out)
	for c := range ordered {
		i := <-c
		if i.err != nil {
			return i.err
		}
		w.Write(i.body)
		w.WriteByte('\n')
	}
	if err := <-readErr; err != nil {
		return err
	}
	return w.Flush()
}

func get(client *http.Client, url string) ([]byte, error) {
	resp, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}
