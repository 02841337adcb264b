package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

// serveTarget is the far side: it answers GET /N with "result N" after a while.
func serveTarget(args []string) error {
	set := flag.NewFlagSet("target", flag.ExitOnError)
	latency := set.Duration("latency", 0, "how long an answer takes")
	if err := set.Parse(args); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/\n", l.Addr())
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if *latency > 0 {
			time.Sleep(*latency)
		}
		_, _ = io.WriteString(w, "result "+r.URL.Path[1:])
	}))
}

// startTarget starts it as a process of its own.
func startTarget(self string, latency time.Duration) (url string, stop func(), err error) {
	cmd := exec.Command(self, "target", "-latency", latency.String())
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(line), func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }, err
}
