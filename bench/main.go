package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == "target":
		err = serveTarget(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "bare":
		err = bareLoop(os.Args[2:])
	default:
		err = compare()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// load is what every candidate is given.
type load struct {
	records, inFlight int
	input             string
	url               string // with the record appended
}

// candidate runs a load and writes its output to a file. It returns the time that the run itself took.
type candidate struct {
	name string
	run  func(l load, output string) (time.Duration, error)
}

func compare() error {
	records := flag.Int("records", 100_000, "records of the input")
	inFlight := flag.Int("in-flight", 200, "requests in flight")
	pairs := flag.Int("pairs", 5, "pairs of runs")
	program := flag.String("longhaul", "bin/longhaul", "the longhaul program")
	latency := flag.Duration("latency", 0, "how long the target takes to answer")
	flag.Parse()

	dir, err := os.MkdirTemp("", "longhaul-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	url, stop, err := startTarget(self, *latency)
	if err != nil {
		return err
	}
	defer stop()
	l := load{records: *records, inFlight: *inFlight, input: filepath.Join(dir, "in"), url: url}
	if err := writeInput(l); err != nil {
		return err
	}
	return comparePairs(l, dir, *pairs, bare(self), longhaul(*program, dir))
}

// comparePairs runs both candidates in turn, pair by pair, and prints the ratio of their rates.
func comparePairs(l load, dir string, pairs int, base, ours candidate) error {
	var ratios []float64
	for i := range pairs {
		var rates [2]float64
		var outputs [2]string
		for j, c := range []candidate{base, ours} {
			outputs[j] = filepath.Join(dir, fmt.Sprintf("%s-%d", c.name, i))
			d, err := c.run(l, outputs[j])
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			rates[j] = float64(l.records) / d.Seconds()
		}
		if err := sameFile(outputs[0], outputs[1]); err != nil {
			return err
		}
		ratios = append(ratios, rates[1]/rates[0])
		fmt.Printf("pair %d: %s %.0f records/s, %s %.0f records/s, ratio %.2f\n", i+1, base.name, rates[0], ours.name, rates[1], ratios[i])
	}
	slices.Sort(ratios)
	fmt.Printf("median ratio %.2f (%.2f to %.2f), %d records, %d in flight\n", ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], l.records, l.inFlight)
	return nil
}

func writeInput(l load) error {
	f, err := os.Create(l.input)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for i := range l.records {
		fmt.Fprintln(w, i)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// sameFile checks that two outputs agree.
func sameFile(a, b string) error {
	if out, err := exec.Command("cmp", a, b).CombinedOutput(); err != nil {
		return fmt.Errorf("outputs differ: %s: %w", out, err)
	}
	return nil
}

// bare is the ceiling: a Go loop without any durability.
func bare(self string) candidate {
	return candidate{"bare", func(l load, output string) (time.Duration, error) {
		begun := time.Now()
		out, err := exec.Command(self, "bare", "-in-flight", strconv.Itoa(l.inFlight), l.input, output, l.url).CombinedOutput()
		if err != nil {
			return 0, fmt.Errorf("%w: %s", err, out)
		}
		return time.Since(begun), nil
	}}
}

// longhaul runs the program with its embedded server. The time is that which the program states for the job, without the server's start.
func longhaul(program, dir string) candidate {
	return candidate{"longhaul", func(l load, output string) (time.Duration, error) {
		cmd := exec.Command(program, "run", l.input, "--output", output, "--http", l.url+"{{.}}", "--concurrency", strconv.Itoa(l.inFlight),
			"--format", "text", "--embedded", "--state-dir", filepath.Join(dir, "state"), "--progress", "none")
		out, err := cmd.Output()
		if err != nil {
			return 0, fmt.Errorf("%w: %s", err, out)
		}
		_, after, found := strings.Cut(string(out), " failed, in ")
		d, err := time.ParseDuration(strings.FieldsFunc(after, func(r rune) bool { return r == ';' || r == '\n' })[0])
		if !found || err != nil {
			return 0, fmt.Errorf("no time in what it printed: %s", out)
		}
		return d, nil
	}}
}
