package main

import (
	"fmt"
	"time"
)

// sample is what was seen of one run.
type sample struct {
	Turn    string `json:"turn"`
	Round   int    `json:"round"`
	Records int    `json:"records"`
	// Wall is the whole command's time in seconds, Work that without its start-up.
	Wall float64 `json:"wallSeconds"`
	Work float64 `json:"workSeconds"`
	// Span is the time from the first request to the last change of the output, where the target tells the one.
	Span float64 `json:"spanSeconds,omitempty"`
	// CPU is the processor time of the command and the processes that it waited for, the embedded server among them.
	CPU float64 `json:"cpuSeconds,omitempty"`
	// PeakMiB is the largest resident memory of the process itself.
	PeakMiB float64 `json:"peakMiB,omitempty"`
	// Ideal is the sum of the target's latencies over the requests in flight.
	Ideal float64 `json:"idealSeconds,omitempty"`
	// PeakInFlight is how many requests the target saw at once.
	PeakInFlight int64 `json:"peakInFlight,omitempty"`
	// Events of all histories, and Runs of the workflow.
	Events int `json:"events,omitempty"`
	Runs   int `json:"runs,omitempty"`
	// Series is how the job went on.
	Series []point `json:"series,omitempty"`
}

// point is where a job stood at a moment after its start.
type point struct {
	Seconds float64 `json:"s"`
	Records int64   `json:"records"`
	MiB     float64 `json:"mib"`
}

func (s sample) rate() float64 { return float64(s.Records) / s.Work }

func (s sample) String() string {
	t := fmt.Sprintf("%-14s %s work, %s in all, %.0f records/s", s.Turn, seconds(s.Work), seconds(s.Wall), s.rate())
	if s.PeakMiB > 0 {
		t += fmt.Sprintf(", %.0f MiB", s.PeakMiB)
	}
	if s.Events > 0 {
		t += fmt.Sprintf(", %d events in %d runs", s.Events, s.Runs)
	}
	return t
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond).String()
}

// absent is a turn that could not run, and why.
type absent struct {
	Turn string `json:"turn"`
	Why  string `json:"why"`
}

// result is what was measured of a load.
type result struct {
	Load        string      `json:"load"`
	Title       string      `json:"title"`
	At          time.Time   `json:"at"`
	Environment environment `json:"environment"`
	Missing     []absent    `json:"missing,omitempty"`
	Samples     []sample    `json:"samples"`
}
