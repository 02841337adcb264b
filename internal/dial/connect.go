package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"go.temporal.io/sdk/client"
)

// connectEvery is the pause between two tries to connect.
const connectEvery = 200 * time.Millisecond

// compression of messages to the server: none, which is not the SDK's default. A job's payloads are a few hundred bytes.
var compression = &client.GrpcCompressionNone{}

// Dial connects to a server.
func Dial(ctx context.Context, o client.Options) (client.Client, error) {
	o.ConnectionOptions.GrpcCompression = compression
	c, err := client.DialContext(ctx, o)
	if err != nil && o.ConnectionOptions.TLS != nil && remedy(err) == "" {
		if alert := handshake(ctx, o); alert != nil {
			err = fmt.Errorf("%w: %w", err, alert)
		}
	}
	return c, err
}

// probeTimeout bounds how long a server may take to refuse a handshake.
const probeTimeout = 2 * time.Second

// handshake tries TLS alone, and returns why it is refused. In TLS 1.3 a server refuses a certificate after the client is done, and a client that speaks on meanwhile
// may see the connection fall rather than the reason.
func handshake(ctx context.Context, o client.Options) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	config := o.ConnectionOptions.TLS.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", o.HostPort)
	if err == nil {
		end, _ := ctx.Deadline()
		_ = conn.SetReadDeadline(end)
		_, err = conn.Read(make([]byte, 1))
		conn.Close()
	}
	var failed *net.OpError
	if ctx.Err() != nil || errors.As(err, &failed) && failed.Op != "remote error" || errors.Is(err, io.EOF) {
		return nil // nothing was said
	}
	return err
}

// Connect connects to a server that may only be starting, and tries again until patience is over, or the server refuses this client. Its error is that of the last try.
func Connect(ctx context.Context, o client.Options, patience time.Duration) (client.Client, error) {
	end := time.Now().Add(patience)
	for {
		c, err := Dial(ctx, o)
		if err == nil || ctx.Err() != nil || remedy(err) != "" || time.Now().After(end) {
			return c, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(connectEvery):
		}
	}
}
