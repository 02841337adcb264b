// Command dns is longhaul with one task more: it looks the record, a host's name, up.
//
//	go build -o dns ./examples/go
//	./dns run hosts.txt --output addresses.jsonl --task lookup --format json --concurrency 50
//
// The same program is the worker of a Temporal server that stands elsewhere: ./dns worker --address temporal.example.com:7233
package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"

	"github.com/longhaul/longhaul"
	"github.com/longhaul/longhaul/task"
)

func main() { longhaul.Main(longhaul.Tasks{"lookup": lookup}) }

// lookup answers the addresses of a host as a JSON array.
func lookup(ctx context.Context, r task.Record) (task.Result, error) {
	addresses, err := net.DefaultResolver.LookupHost(ctx, string(r.Input))
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return task.Result{}, task.Fail(task.Permanent, err) // another try would find no more
	}
	if err != nil {
		return task.Result{}, err // the resolver's trouble: tried again, and many in a row are an outage
	}
	value, err := json.Marshal(addresses)
	return task.Result{Value: value, JSON: true}, err
}
