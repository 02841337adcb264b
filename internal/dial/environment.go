package dial

// variables is Temporal's own names in the environment for the flags, by which Load knows them.
var variables = map[string]string{
	"address":                       "TEMPORAL_ADDRESS",
	"namespace":                     "TEMPORAL_NAMESPACE",
	"api-key":                       "TEMPORAL_API_KEY",
	"tls":                           "TEMPORAL_TLS",
	"tls-cert-path":                 "TEMPORAL_TLS_CLIENT_CERT_PATH",
	"tls-key-path":                  "TEMPORAL_TLS_CLIENT_KEY_PATH",
	"tls-ca-path":                   "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
	"tls-server-name":               "TEMPORAL_TLS_SERVER_NAME",
	"tls-disable-host-verification": "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION",
	"grpc-meta":                     "TEMPORAL_GRPC_META_KEY", // KEY is the header's
	"client-authority":              "TEMPORAL_CLIENT_AUTHORITY",
	"codec-endpoint":                "TEMPORAL_CODEC_ENDPOINT",
	"codec-auth":                    "TEMPORAL_CODEC_AUTH",
	"profile":                       "TEMPORAL_PROFILE",
	"config-file":                   "TEMPORAL_CONFIG_FILE",
}

// Variable is the name by which Temporal's own programs know a flag in the environment; empty where they know none.
func Variable(flag string) string { return variables[flag] }
