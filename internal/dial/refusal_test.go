package dial

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"
)

// A server that wants TLS ends the connection of a client without it in one way or another.
func TestAServerThatEndsTheConnectionMayWantTLS(t *testing.T) {
	const hint, other = "say --tls", "is it started?"
	for name, c := range map[string]struct {
		said string
		tls  *tls.Config
		want string
	}{
		"closed":         {`connection error: desc = "error reading server preface: EOF"`, nil, hint},
		"reset":          {`connection error: desc = "error reading server preface: read tcp: connection reset by peer"`, nil, hint},
		"no HTTP/2":      {`connection error: desc = "error reading server preface: http2: frame too large"`, nil, hint},
		"with TLS":       {`connection error: desc = "error reading server preface: EOF"`, &tls.Config{}, other},
		"nobody listens": {`dial tcp 127.0.0.1:1: connect: connection refused`, nil, other},
	} {
		t.Run(name, func(t *testing.T) {
			var s Settings
			s.ConnectionOptions.TLS = c.tls
			if got := s.NoServer(errors.New(c.said), other).Error(); !strings.Contains(got, c.want) || !strings.Contains(got, c.said) {
				t.Errorf("%s", got)
			}
		})
	}
}
