package dial

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"go.temporal.io/sdk/contrib/envconfig"
)

// TestFlagsAndTheirVariablesSayTheSame gives each value by flag and by variable.
func TestFlagsAndTheirVariablesSayTheSame(t *testing.T) {
	file := filepath.Join(t.TempDir(), "temporal.toml")
	if err := os.WriteFile(file, []byte(profiles), 0o600); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{
		"tls": "true", "tls-disable-host-verification": "true", "grpc-meta": "some-header=x", "config-file": file, "profile": "other",
	}
	for flag := range variables {
		t.Run(flag, func(t *testing.T) {
			for _, v := range variables {
				t.Setenv(v, "") // which restores it afterwards
				os.Unsetenv(v)
			}
			if flag == "profile" {
				t.Setenv("TEMPORAL_CONFIG_FILE", file)
			}
			value := values[flag]
			if value == "" {
				value = "x"
			}
			byFlag := merged(t, "--"+flag+"="+value)
			nothing := merged(t)
			variable, value := strings.Replace(variables[flag], "META_KEY", "META_SOME_HEADER", 1), strings.TrimPrefix(value, "some-header=")
			t.Setenv(variable, value)
			if byVariable := merged(t); !reflect.DeepEqual(byFlag, byVariable) {
				t.Errorf("by --%s: %+v; by %s: %+v", flag, byFlag, variable, byVariable)
			}
			if reflect.DeepEqual(byFlag, nothing) {
				t.Errorf("--%s says nothing", flag)
			}
		})
	}
}

// merged is what flags and environment come to.
func merged(t *testing.T, args ...string) envconfig.ClientConfigProfile {
	t.Helper()
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	f := Register(set)
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	p, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{ConfigFilePath: f.configFile, ConfigFileProfile: f.profile, EnvLookup: filled{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.override(&p); err != nil {
		t.Fatal(err)
	}
	return p
}
