package dial

import (
	"context"
	"time"

	"go.temporal.io/sdk/client"
)

// connectEvery is the pause between two tries to connect.
const connectEvery = 200 * time.Millisecond

// compression of messages to the server: none, which is not the SDK's default. A job's payloads are a few hundred bytes.
var compression = &client.GrpcCompressionNone{}

// Connect connects to a server that may only be starting, and tries again until patience is over, or the server refuses this client. Its error is that of the last try.
func Connect(ctx context.Context, o client.Options, patience time.Duration) (client.Client, error) {
	o.ConnectionOptions.GrpcCompression = compression
	end := time.Now().Add(patience)
	for {
		c, err := client.DialContext(ctx, o)
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
