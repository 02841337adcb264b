package main

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"), // idle connections of http.DefaultClient
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

func TestOptionsAreChecked(t *testing.T) {
	for args, want := range map[string]string{
		"-load http,nothing":       "-load nothing: want some of http,",
		"-only nothing":            "-only nothing: want some of longhaul,",
		"-only longhaul -docs dir": "-only with -docs",
		"http":                     `"http": want flags only`,
	} {
		if _, err := parseOptions(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
	o, err := parseOptions(strings.Fields("-load memory,http -only longhaul,loop -pairs 2 -records 1000"))
	if err != nil {
		t.Fatal(err)
	}
	if o.loads[0].name != "memory" || o.loads[0].turns[0].workload.Records != 10 || o.loads[0].turns[1].workload.Records != 1000 ||
		o.loads[1].turns[0].workload.Records != 1000 || o.pairs != 2 || !o.only["loop"] || o.only["asyncio"] {
		t.Errorf("%+v", o)
	}
}

func TestFiguresAreOfTurnsThatThereAre(t *testing.T) {
	for _, l := range loads() {
		r := aResult(l)
		for _, f := range l.figures {
			if s := f.measuredBy(r); s.n != 2 {
				t.Errorf("%s: %s is made of %d of 2 rounds", l.name, f.what, s.n)
			}
		}
	}
}

func TestWrkIsRead(t *testing.T) {
	const said = `Running 5s test @ http://127.0.0.1:1/1
  2 threads and 200 connections
  210301 requests in 5.10s, 26.07MB read
Requests/sec:  41235.49
`
	if n, s, err := parseWrk(said); n != 210_301 || s != 5.1 || err != nil {
		t.Errorf("%d, %f, %v", n, s, err)
	}
	if _, _, err := parseWrk("unable to connect"); err == nil {
		t.Error("no error")
	}
}
