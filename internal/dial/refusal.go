package dial

import (
	"cmp"
	"fmt"
	"strings"
)

// remedies is what to do about each way in which a server and a client refuse each other, by what the error says: of an error of TLS, gRPC keeps its text only.
var remedies = []struct{ said, do string }{
	{"tls: certificate required", "the server wants a client's certificate, of an authority that it knows: give --tls-cert-path and --tls-key-path, or TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH"},
	{"remote error: tls: expired certificate", "the client's certificate has expired: renew the one of --tls-cert-path"},
	{"remote error: tls: bad certificate", "the server refuses the client's certificate: check --tls-cert-path"},
	{"remote error: tls: unknown certificate authority", "the server does not know the authority of the client's certificate: check --tls-cert-path"},
	{"certificate has expired or is not yet valid", "it is the server's certificate, or the clock of this machine is wrong"},
	{"certificate signed by unknown authority", "name the certificate of the server's authority with --tls-ca-path, or TEMPORAL_TLS_SERVER_CA_CERT_PATH"},
	{"certificate is not valid for", wrongName},
	{"certificate is valid for", wrongName},
	{"x509: cannot validate certificate for", wrongName},
	{"first record does not look like a TLS handshake", "the server does not speak TLS, which an API key and every --tls flag ask for: leave them out, or say --tls=false"},
	{"code = Unauthenticated", "check the API key: TEMPORAL_API_KEY, the profile, or --api-key"},
	{"code = PermissionDenied", "check the API key, or the client's certificate, and what it allows"},
}

const wrongName = "the server's certificate is for another name: connect to that, or give the name with --tls-server-name"

// remedy says what to do about an error of connecting that no patience mends; it is empty where there is none.
func remedy(err error) string {
	text := err.Error()
	for _, r := range remedies {
		if strings.Contains(text, r.said) {
			return r.do
		}
	}
	return ""
}

// NoServer makes an error of connecting one that says where to, and what to do: that which otherwise says, where nothing better is known.
func (s Settings) NoServer(err error, otherwise string) error {
	do := remedy(err)
	if do == "" && strings.Contains(err.Error(), "error reading server preface") && s.ConnectionOptions.TLS == nil {
		do = "does the server want TLS? then say --tls; is there something else at this address?"
	}
	return fmt.Errorf("no Temporal server at %s: %w (%s)", s.HostPort, err, cmp.Or(do, otherwise))
}
