// Package dial makes the Temporal client of longhaul's programs: from flags by the names of Temporal's own command line, then the
// environment (TEMPORAL_ADDRESS ...), then a profile of Temporal's configuration file.
package dial

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/longhaul/longhaul/internal/codec"
)

// DefaultAddress is where a Temporal server is looked for when none is configured.
const DefaultAddress = "127.0.0.1:7233"

// Flags are the client's settings on the command line.
type Flags struct {
	address, namespace, apiKey              string
	tls, tlsNoHostVerification              bool
	tlsCert, tlsKey, tlsCA, tlsServerName   string
	codecEndpoint, codecAuth, authority     string
	grpcMeta                                []string
	profile, configFile                     string
	encryption                              Encryption
	disableConfigFile, disableConfigEnviron bool

	set *pflag.FlagSet
}

// Register adds the flags to a command's.
func Register(set *pflag.FlagSet) *Flags {
	f := &Flags{set: set}
	set.StringVar(&f.address, "address", "", "Temporal server's `host:port`")
	set.StringVarP(&f.namespace, "namespace", "n", "", "Temporal `namespace` (default \"default\")")
	set.StringVar(&f.apiKey, "api-key", "", "API `key` for the server; others on this machine see it in the list of processes: better by TEMPORAL_API_KEY, or in a profile")
	set.BoolVar(&f.tls, "tls", false, "use TLS; an API key and the other flags of TLS imply it, and --tls=false refuses it")
	set.StringVar(&f.tlsCert, "tls-cert-path", "", "`file` with the client's certificate")
	set.StringVar(&f.tlsKey, "tls-key-path", "", "`file` with the client certificate's key")
	set.StringVar(&f.tlsCA, "tls-ca-path", "", "`file` with the server's CA certificate")
	set.StringVar(&f.tlsServerName, "tls-server-name", "", "`name` expected in the server's certificate")
	set.BoolVar(&f.tlsNoHostVerification, "tls-disable-host-verification", false, "do not verify the server's certificate")
	set.StringArrayVar(&f.grpcMeta, "grpc-meta", nil, "gRPC header as `KEY=VALUE`, repeatable")
	set.StringVar(&f.authority, "client-authority", "", "gRPC :authority `header`")
	set.StringVar(&f.codecEndpoint, "codec-endpoint", "", "remote codec server's `URL`")
	set.StringVar(&f.codecAuth, "codec-auth", "", "Authorization `header` for the codec server")
	set.StringVar(&f.profile, "profile", "", "profile `name` in Temporal's configuration file")
	set.StringVar(&f.configFile, "config-file", "", "Temporal's configuration `file`")
	set.BoolVar(&f.disableConfigFile, "disable-config-file", false, "do not read Temporal's configuration file")
	set.BoolVar(&f.disableConfigEnviron, "disable-config-env", false, "do not read Temporal's environment variables")
	f.encryption.Register(set)
	return f
}

// Settings is how to reach a server.
type Settings struct {
	client.Options
	// Configured says that the server was given, by whatever means: its address or, for one at the default address, TLS or an API key.
	Configured bool
	// Given is the flags by which it was given, as a command line has them, without secrets, the address and the namespace.
	Given []string
	// Keys is what the client encrypts with.
	Keys codec.Keys
}

// Load brings flags, environment and profile together.
func (f *Flags) Load() (Settings, error) {
	p, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		ConfigFilePath: f.configFile, ConfigFileProfile: f.profile,
		DisableFile: f.disableConfigFile, DisableEnv: f.disableConfigEnviron, EnvLookup: filled{},
	})
	if err != nil {
		return Settings{}, fmt.Errorf("load Temporal's client configuration: %w", err)
	}
	if err := f.override(&p); err != nil {
		return Settings{}, err
	}
	secured := p.APIKey != "" || p.TLS != nil && !p.TLS.Disabled
	s := Settings{Configured: p.Address != "" || secured, Given: f.given()}
	s.Options, err = p.ToClientOptions(envconfig.ToClientOptionsRequest{IncludeRemoteCodec: true})
	if err != nil {
		return Settings{}, fmt.Errorf("load Temporal's client configuration: %w (flags go before the environment, and that before the profile)", err)
	}
	if s.Keys, err = f.encryption.Apply(&s.Options); err != nil {
		return Settings{}, err
	}
	if s.HostPort == "" {
		s.HostPort = DefaultAddress
	}
	if s.Namespace == "" {
		s.Namespace = client.DefaultNamespace
	}
	return s, nil
}

// filled is the environment, in which a variable that is empty says nothing: to envconfig an empty one of TLS would turn TLS on.
type filled struct{}

func (filled) Environ() []string { return os.Environ() }

func (filled) LookupEnv(name string) (string, bool) {
	value := os.Getenv(name)
	return value, value != ""
}

// LoadEmbedded is Load where the embedded server is asked for. What the environment and a profile say of another is left out of account; flags that say so are refused.
func (f *Flags) LoadEmbedded() (s Settings, err error) {
	f.set.Visit(func(g *pflag.Flag) {
		ofServer := slices.Contains([]string{"address", "namespace", "api-key", "profile"}, g.Name) || strings.HasPrefix(g.Name, "tls")
		if ofServer && err == nil {
			err = fmt.Errorf("--embedded and --%s: the embedded server is this program's own, without TLS or a key, with the namespace %s", g.Name, client.DefaultNamespace)
		}
	})
	if err != nil {
		return Settings{}, err
	}
	s = Settings{Options: client.Options{Namespace: client.DefaultNamespace}}
	s.Keys, err = f.encryption.Apply(&s.Options)
	return s, err
}

// repeated is the flags that Settings.Given has: those that say how the server is reached, and hold no secret.
var repeated = []string{
	"tls", "tls-cert-path", "tls-key-path", "tls-ca-path", "tls-server-name", "tls-disable-host-verification", "client-authority", "codec-endpoint",
	"profile", "config-file", "disable-config-file", "disable-config-env", encryptionFlag,
}

func (f *Flags) given() (args []string) {
	f.set.Visit(func(g *pflag.Flag) {
		switch value := g.Value.String(); {
		case !slices.Contains(repeated, g.Name):
		case g.NoOptDefVal == value:
			args = append(args, "--"+g.Name)
		default:
			args = append(args, "--"+g.Name+"="+value)
		}
	})
	return args
}

// override lays the flags that were given over a profile.
func (f *Flags) override(p *envconfig.ClientConfigProfile) error {
	str := func(to *string, v string) {
		if v != "" {
			*to = v
		}
	}
	str(&p.Address, f.address)
	str(&p.Namespace, f.namespace)
	str(&p.APIKey, f.apiKey)
	str(&p.Authority, f.authority)
	if f.set.Changed("tls") || f.tlsCert+f.tlsKey+f.tlsCA+f.tlsServerName != "" || f.tlsNoHostVerification {
		if p.TLS == nil {
			p.TLS = &envconfig.ClientConfigTLS{}
		}
		p.TLS.Disabled = f.set.Changed("tls") && !f.tls
		if f.tlsCert+f.tlsKey != "" { // what was given otherwise as data must give way
			p.TLS.ClientCertData, p.TLS.ClientKeyData = nil, nil
		}
		if f.tlsCA != "" {
			p.TLS.ServerCACertData = nil
		}
		str(&p.TLS.ClientCertPath, f.tlsCert)
		str(&p.TLS.ClientKeyPath, f.tlsKey)
		str(&p.TLS.ServerCACertPath, f.tlsCA)
		str(&p.TLS.ServerName, f.tlsServerName)
		p.TLS.DisableHostVerification = p.TLS.DisableHostVerification || f.tlsNoHostVerification
	}
	if f.codecEndpoint+f.codecAuth != "" {
		if p.Codec == nil {
			p.Codec = &envconfig.ClientConfigCodec{}
		}
		str(&p.Codec.Endpoint, f.codecEndpoint)
		str(&p.Codec.Auth, f.codecAuth)
	}
	for _, kv := range f.grpcMeta {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			return fmt.Errorf("--grpc-meta %q: want KEY=VALUE", kv)
		}
		if p.GRPCMeta == nil {
			p.GRPCMeta = map[string]string{}
		}
		p.GRPCMeta[envconfig.NormalizeGRPCMetaKey(k)] = v
	}
	return nil
}
