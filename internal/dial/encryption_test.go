package dial

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// keyOf is the base64 of a key, all of whose bytes are the same.
func keyOf(b byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(b), 32)))
}

// alone leaves the surroundings of a test without configuration.
func alone(t *testing.T) {
	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	for _, v := range []string{"TEMPORAL_ADDRESS", "TEMPORAL_API_KEY", "TEMPORAL_CODEC_ENDPOINT", encryptionVariable, encryptionFileVariable} {
		t.Setenv(v, "") // which restores it afterwards
		os.Unsetenv(v)
	}
}

func TestWhereEncryptionKeysComeFrom(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b := write("a", keyOf('a')), write("b", keyOf('b')+"\n"+keyOf('a')+"\n")
	const idA, idB = "3ba3f5f43b926026", "bdb339768bc5e4fe"
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		ids  []string
		err  string
	}{
		"nowhere":                      {},
		"a file":                       {[]string{"--encryption-key-file", b}, nil, []string{idB, idA}, ""},
		"a file of the environment":    {nil, map[string]string{encryptionFileVariable: a}, []string{idA}, ""},
		"the environment":              {nil, map[string]string{encryptionVariable: keyOf('b') + " " + keyOf('a')}, []string{idB, idA}, ""},
		"the flag before all":          {[]string{"--encryption-key-file", b}, map[string]string{encryptionFileVariable: a, encryptionVariable: keyOf('a')}, []string{idB, idA}, ""},
		"both of the environment":      {nil, map[string]string{encryptionFileVariable: a, encryptionVariable: keyOf('a')}, nil, "both LONGHAUL_ENCRYPTION_KEY and LONGHAUL_ENCRYPTION_KEY_FILE are set: leave one of them out"},
		"a file that is missing":       {[]string{"--encryption-key-file", filepath.Join(dir, "none")}, nil, nil, "read encryption keys: open " + dir},
		"a file that is empty":         {[]string{"--encryption-key-file", write("empty", "")}, nil, nil, "there is none: want the base64 of 32 random bytes"},
		"a file that is no key":        {[]string{"--encryption-key-file", write("bad", "secret")}, nil, nil, "line 1: want the base64 of 32 random bytes, as `openssl rand -base64 32` makes it"},
		"a file that is large":         {[]string{"--encryption-key-file", write("large", strings.Repeat("#", maxKeyFile+1))}, nil, nil, "more than 65536 bytes"},
		"keys and a codec endpoint":    {[]string{"--encryption-key-file", a, "--codec-endpoint", "http://127.0.0.1:1"}, nil, nil, "encryption keys and a codec endpoint are both given"},
		"a codec endpoint without any": {[]string{"--codec-endpoint", "http://127.0.0.1:1"}, nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t)
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			s, err := load(t, c.args...)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "secret") {
					t.Errorf("said %v, want %s", err, c.err)
				}
				return
			}
			if err != nil || !slices.Equal(s.Keys.IDs(), c.ids) || s.DataConverter == nil {
				t.Errorf("%v, %v; want %v", s.Keys.IDs(), err, c.ids)
			}
		})
	}
}

// TestGivenIsHowTheServerIsNamedAgain holds that a command line which names the server again has what this one had, but for its secrets.
func TestGivenIsHowTheServerIsNamedAgain(t *testing.T) {
	alone(t)
	s, err := load(t, "--address", "x:1", "-n", "ns", "--tls", "--tls-server-name", "name", "--api-key", "secret", "--codec-auth", "secret", "--grpc-meta", "a=secret")
	if want := []string{"--tls", "--tls-server-name=name"}; err != nil || !slices.Equal(s.Given, want) {
		t.Errorf("%v, %v; want %v", s.Given, err, want)
	}
}

func TestTLSOrAKeyNameAServer(t *testing.T) {
	for name, c := range map[string]struct {
		args       []string
		configured bool
	}{
		"nothing": {nil, false}, "TLS": {[]string{"--tls"}, true}, "no TLS": {[]string{"--tls=false"}, false}, "a key": {[]string{"--api-key", "k"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t)
			if s, err := load(t, c.args...); err != nil || s.Configured != c.configured || s.HostPort != DefaultAddress {
				t.Errorf("%t at %s, %v; want %t", s.Configured, s.HostPort, err, c.configured)
			}
		})
	}
}

// TestAnEmptyVariableSaysNothing has them as a compose file leaves them where nothing was given.
func TestAnEmptyVariableSaysNothing(t *testing.T) {
	alone(t)
	for _, v := range []string{"ADDRESS", "NAMESPACE", "API_KEY", "TLS", "TLS_SERVER_NAME", "TLS_CLIENT_CERT_PATH", "TLS_CLIENT_KEY_PATH", "TLS_SERVER_CA_CERT_PATH", "CODEC_ENDPOINT", "PROFILE"} {
		t.Setenv("TEMPORAL_"+v, "")
	}
	t.Setenv(encryptionFileVariable, "")
	t.Setenv(encryptionVariable, "")
	s, err := load(t)
	if err != nil || s.Configured || s.ConnectionOptions.TLS != nil || s.HostPort != DefaultAddress || s.Namespace != "default" || s.Keys != nil {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestFlagsGoBeforeTextOfTheEnvironment has a certificate as text in the environment, which a path would not go with.
func TestFlagsGoBeforeTextOfTheEnvironment(t *testing.T) {
	alone(t)
	for _, v := range []string{"CLIENT_CERT", "CLIENT_KEY", "SERVER_CA_CERT"} {
		t.Setenv("TEMPORAL_TLS_"+v+"_DATA", "none")
	}
	_, err := load(t, "--tls-cert-path", "/none", "--tls-key-path", "/none", "--tls-ca-path", "/none")
	if err == nil || !strings.Contains(err.Error(), "open /none: no such file") {
		t.Errorf("said %v", err)
	}
}
