package cli

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUsageOfEncryption(t *testing.T) {
	dir := t.TempDir()
	keys, in := filepath.Join(dir, "keys"), filepath.Join(dir, "in")
	for path, text := range map[string]string{keys: base64.StdEncoding.EncodeToString(make([]byte, 32)), in: "1\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"a codec server without keys":       {[]string{"codec-server"}, exitUsage, "no keys: give them with --encryption-key-file, LONGHAUL_ENCRYPTION_KEY_FILE or LONGHAUL_ENCRYPTION_KEY"},
		"a codec server for a page":         {[]string{"codec-server", "--encryption-key-file", keys, "--cors-origin", "http://127.0.0.1:8233/"}, exitUsage, "is no origin: want one such as http://127.0.0.1:8233, without a path"},
		"a codec server at a strange place": {[]string{"codec-server", "--encryption-key-file", keys, "--listen", "127.0.0.1:x"}, exitFailed, "serve the codec: listen tcp: "},
		"a codec server of something":       {[]string{"codec-server", "x"}, exitUsage, `unknown argument "x"`},
		"a key file that is none":           {[]string{"list", "--encryption-key-file", in}, exitUsage, "encryption keys of " + in + ": line 1: want the base64 of 32 random bytes"},
		"dev with a key file that is none":  {[]string{"dev", "--encryption-key-file", in, "--state-dir", filepath.Join(dir, "none")}, exitUsage, "encryption keys of " + in},
		"search attributes with keys": {
			append([]string{"run", in, "--output", filepath.Join(dir, "out"), "--task", "echo", "--search-attributes", "--encryption-key-file", keys}, nowhere...), exitUsage,
			"--search-attributes with encryption keys: a server can search only what it can read",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range []string{"LONGHAUL_ENCRYPTION_KEY", "LONGHAUL_ENCRYPTION_KEY_FILE"} {
				t.Setenv(v, "")
			}
			status, stdout, stderr := execute(c.args...)
			if status != c.status || !strings.Contains(stderr, c.want) || stdout != "" {
				t.Errorf("status %d, want %d and %q in\n%s%s", status, c.status, c.want, stdout, stderr)
			}
		})
	}
}
