package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ran is what was seen of a process from outside.
type ran struct {
	sample
	begun time.Time
	said  *said
}

// execute runs a process to its end. What it says, where the caller sends that nowhere else, is kept with the time at which it was said.
// watch, where there is one, is called now and then while it runs.
func execute(ctx context.Context, watch func(since time.Duration, rss float64), program string, setUp ...func(*exec.Cmd)) (ran, error) {
	c := exec.CommandContext(ctx, program)
	c.WaitDelay = 10 * time.Second
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	for _, f := range setUp {
		f(c)
	}
	r := ran{begun: time.Now(), said: &said{}}
	if c.Stdout == nil {
		c.Stdout = r.said
	}
	c.Stderr = r.said
	if err := c.Start(); err != nil {
		return r, err
	}
	ended, watched := make(chan struct{}), make(chan float64)
	go func() { watched <- watchMemory(c.Process.Pid, r.begun, ended, watch) }()
	err := c.Wait()
	r.Wall = time.Since(r.begun).Seconds()
	close(ended)
	r.PeakMiB = <-watched
	if err != nil {
		return r, fmt.Errorf("%s: %w: %s", program, err, r.said.text())
	}
	r.CPU = (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()
	r.Work = r.Wall
	for _, l := range r.said.lines {
		if seconds, ok := strings.CutPrefix(l.text, work); ok {
			if r.Work, err = strconv.ParseFloat(seconds, 64); err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

// arguments are those of a process.
func arguments(args ...string) func(*exec.Cmd) {
	return func(c *exec.Cmd) { c.Args = append(c.Args, args...) }
}

const sampleEvery = 20 * time.Millisecond

// watchMemory reads the peak of a process's resident memory, in MiB, until it ends: that of the process itself, which the resource usage that wait(2)
// returns is not, since it counts the children that were waited for, the embedded server among them. It is 0 where there is no /proc.
func watchMemory(pid int, begun time.Time, ended <-chan struct{}, watch func(time.Duration, float64)) (peak float64) {
	t := time.NewTicker(sampleEvery)
	defer t.Stop()
	for {
		high, now := memoryOf(pid)
		peak = max(peak, high)
		if watch != nil && now > 0 {
			watch(time.Since(begun), now)
		}
		select {
		case <-t.C:
		case <-ended:
			return peak
		}
	}
}

// memoryOf reads the peak and the present resident memory of a process, in MiB (proc_pid_status(5): VmHWM and VmRSS).
func memoryOf(pid int) (high, now float64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 3 || f[2] != "kB" {
			continue
		}
		kB, _ := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "VmHWM:":
			high = kB / 1024
		case "VmRSS:":
			now = kB / 1024
		}
	}
	return high, now
}

// said collects the lines that a process says.
type said struct {
	mu    sync.Mutex
	part  []byte
	lines []line
}

type line struct {
	text string
	at   time.Time
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.part = append(s.part, b...)
	for {
		l, rest, found := bytes.Cut(s.part, []byte{'\n'})
		if !found {
			return len(b), nil
		}
		s.lines = append(s.lines, line{string(l), now})
		s.part = rest
	}
}

// after returns when the first line that contains text was said.
func (s *said) after(text string) (time.Time, error) {
	for _, l := range s.lines {
		if strings.Contains(l.text, text) {
			return l.at, nil
		}
	}
	return time.Time{}, fmt.Errorf("it did not say %q: %s", text, s.text())
}

func (s *said) text() string {
	var b strings.Builder
	for _, l := range s.lines {
		b.WriteString(l.text + "\n")
	}
	b.Write(s.part)
	return b.String()
}
