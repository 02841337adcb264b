package devserver

import (
	"net"
	"strconv"
	"testing"
)

// TestPortsThatAreTaken has another program listen at the last port of a server, which nobody of this process knows yet, or which its clients know.
func TestPortsThatAreTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	last := Endpoint{Address: l.Addr().String(), UI: "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(standardUIPort))}
	fresh, known := &Server{}, &Server{Endpoint: last}
	for try := range 3 {
		if e, _, err := fresh.arguments(last, try+1); err != nil || e.Address == last.Address {
			t.Errorf("try %d: %+v, %v; want another port", try+1, e, err)
		}
		if e, _, err := known.arguments(last, try+1); err == nil {
			t.Errorf("try %d: %+v, where the clients know %s", try+1, e, last.Address)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for try := range 3 {
		if e, _, err := known.arguments(last, try+1); err != nil || e.Address != last.Address {
			t.Errorf("try %d: %+v, %v; want %s", try+1, e, err, last.Address)
		}
	}
}
