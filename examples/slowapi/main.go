// Command slowapi is a small slow API to try longhaul against: GET /square/N answers {"number":N,"square":N²} after a while.
//
//	go run ./examples/slowapi --listen 127.0.0.1:8080 --latency 200ms
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	a := api{begun: time.Now()}
	flag.DurationVar(&a.latency, "latency", 200*time.Millisecond, "how long each answer takes")
	flag.DurationVar(&a.spread, "spread", 0, "how much longer it may take, by the number")
	flag.BoolVar(&a.tell, "tell", false, "tell on standard error when each request starts and finishes")
	flag.Parse()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", l.Addr()) // for those who need to know the port
	log.Fatal(http.Serve(l, a.handler()))
}

type api struct {
	latency, spread time.Duration
	tell            bool
	begun           time.Time
}

func (a api) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /square/{number}", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.ParseInt(r.PathValue("number"), 10, 32)
		if err != nil {
			http.Error(w, "not a number", http.StatusBadRequest)
			return
		}
		a.say("started", n)
		select {
		case <-time.After(a.takes(n)):
		case <-r.Context().Done():
			return
		}
		a.say("finished", n)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]int64{"number": n, "square": n * n}) // a client that is gone needs no answer
	})
	return mux
}

// takes is how long the answer for a number takes: neighbours differ.
func (a api) takes(n int64) time.Duration {
	return a.latency + a.spread*time.Duration(n%10*7%10)/10
}

func (a api) say(what string, n int64) {
	if a.tell {
		fmt.Fprintf(os.Stderr, "%7.3f s  %-8s  %d\n", time.Since(a.begun).Seconds(), what, n) // one write a line
	}
}
