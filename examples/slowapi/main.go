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
	"strconv"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	latency := flag.Duration("latency", 200*time.Millisecond, "how long each answer takes")
	flag.Parse()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", l.Addr()) // for those who need to know the port
	log.Fatal(http.Serve(l, handler(*latency)))
}

func handler(latency time.Duration) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /square/{number}", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.ParseInt(r.PathValue("number"), 10, 32)
		if err != nil {
			http.Error(w, "not a number", http.StatusBadRequest)
			return
		}
		select {
		case <-time.After(latency):
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]int64{"number": n, "square": n * n}) // a client that is gone needs no answer
	})
	return mux
}
