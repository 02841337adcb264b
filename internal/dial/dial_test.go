package dial

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"
)

const profiles = `
[profile.default]
address = "from-profile:1"
namespace = "profile-namespace"

[profile.other]
address = "other-profile:2"
`

// load parses flags and loads the settings.
func load(t *testing.T, args ...string) (Settings, error) {
	t.Helper()
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	f := Register(set)
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return f.Load()
}

func TestFlagsGoBeforeTheEnvironmentBeforeTheProfile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "temporal.toml")
	if err := os.WriteFile(file, []byte(profiles), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args               []string
		env                map[string]string
		address, namespace string
		configured         bool
	}{
		"nothing":        {nil, nil, DefaultAddress, "default", false},
		"namespace only": {[]string{"-n", "ns"}, nil, DefaultAddress, "ns", false},
		"profile":        {nil, map[string]string{"TEMPORAL_CONFIG_FILE": file}, "from-profile:1", "profile-namespace", true},
		"other profile":  {[]string{"--profile", "other", "--config-file", file}, nil, "other-profile:2", "default", true},
		"environment": {
			nil,
			map[string]string{"TEMPORAL_CONFIG_FILE": file, "TEMPORAL_ADDRESS": "from-env:3"},
			"from-env:3", "profile-namespace", true,
		},
		"flag": {
			[]string{"--address", "from-flag:4", "--namespace", "ns"},
			map[string]string{"TEMPORAL_CONFIG_FILE": file, "TEMPORAL_ADDRESS": "from-env:3"},
			"from-flag:4", "ns", true,
		},
		"environment disabled": {[]string{"--disable-config-env"}, map[string]string{"TEMPORAL_ADDRESS": "from-env:3"}, DefaultAddress, "default", false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_PROFILE"} {
				t.Setenv(v, "") // which restores it afterwards
				os.Unsetenv(v)
			}
			t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			s, err := load(t, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			if s.HostPort != c.address || s.Namespace != c.namespace || s.Configured != c.configured {
				t.Errorf("%s, %s, %t; want %s, %s, %t", s.HostPort, s.Namespace, s.Configured, c.address, c.namespace, c.configured)
			}
		})
	}
}

func TestTLSFlags(t *testing.T) {
	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	s, err := load(t, "--address", "x:1", "--tls", "--tls-server-name", "name", "--tls-disable-host-verification")
	if err != nil {
		t.Fatal(err)
	}
	if tls := s.ConnectionOptions.TLS; tls == nil || tls.ServerName != "name" || !tls.InsecureSkipVerify {
		t.Errorf("TLS: %+v", tls)
	}
	if _, err := load(t, "--tls-cert-path", "/no/such/file", "--tls-key-path", "/no/such/file"); err == nil {
		t.Error("a certificate that is missing was accepted")
	}
}
