package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestJobsOverTLS runs whole jobs, with a worker, through a terminator of TLS that asks for a certificate or an API key: given by flags, by the environment, and by a
// profile.
func TestJobsOverTLS(t *testing.T) {
	const key = "the-right-key"
	b := harness.New(t)
	b.Certificates("temporal.internal")
	mutual, keyed := b.Front("server", true, ""), b.Front("server", false, key)
	toml := func(address, more string) string {
		return fmt.Sprintf("[profile.there]\naddress = %q\nnamespace = %q\n%s[profile.there.tls]\nserver_ca_cert_path = %q\n",
			address, b.Namespace, more, b.Path("ca.pem"))
	}
	b.Write("mutual.toml", []byte(toml(mutual.Address, "")+fmt.Sprintf("client_cert_path = %q\nclient_key_path = %q\n", b.Path("client.pem"), b.Path("client-key.pem"))))
	b.Write("keyed.toml", []byte(toml(keyed.Address, fmt.Sprintf("api_key = %q\n", key))))
	for name, c := range map[string]struct {
		front *harness.Front
		flags []string
		env   []string
	}{
		"a certificate, by flags": {mutual, []string{
			"--address", mutual.Address, "--namespace", b.Namespace, "--tls-cert-path", b.Path("client.pem"), "--tls-key-path", b.Path("client-key.pem"),
			"--tls-ca-path", b.Path("ca.pem"), "--tls-server-name", "temporal.internal",
		}, nil},
		"a certificate, by the environment": {mutual, nil, []string{
			"TEMPORAL_ADDRESS=" + mutual.Address, "TEMPORAL_NAMESPACE=" + b.Namespace, "TEMPORAL_TLS_CLIENT_CERT_PATH=" + b.Path("client.pem"),
			"TEMPORAL_TLS_CLIENT_KEY_PATH=" + b.Path("client-key.pem"), "TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + b.Path("ca.pem"),
		}},
		"a certificate as text, by the environment": {mutual, []string{"--address", mutual.Address, "--namespace", b.Namespace}, []string{
			"TEMPORAL_TLS_CLIENT_CERT_DATA=" + string(b.Read("client.pem")), "TEMPORAL_TLS_CLIENT_KEY_DATA=" + string(b.Read("client-key.pem")),
			"TEMPORAL_TLS_SERVER_CA_CERT_DATA=" + string(b.Read("ca.pem")),
		}},
		"a certificate, by a profile": {mutual, []string{"--profile", "there", "--config-file", b.Path("mutual.toml")}, nil},
		"a certificate by flags, before another by the environment": {mutual, []string{
			"--profile", "there", "--config-file", b.Path("mutual.toml"), "--tls-cert-path", b.Path("client.pem"), "--tls-key-path", b.Path("client-key.pem"),
		}, []string{"TEMPORAL_TLS_CLIENT_CERT_PATH=" + b.Path("stranger.pem"), "TEMPORAL_TLS_CLIENT_KEY_PATH=" + b.Path("stranger-key.pem")}},
		"a key, by a flag": {keyed, []string{"--address", keyed.Address, "--namespace", b.Namespace, "--api-key", key, "--tls-ca-path", b.Path("ca.pem")}, nil},
		"a key, by the environment": {
			keyed,
			[]string{"--address", keyed.Address, "--namespace", b.Namespace, "--tls-ca-path", b.Path("ca.pem")},
			[]string{"TEMPORAL_API_KEY=" + key},
		},
		"a key, by a profile": {keyed, nil, []string{"TEMPORAL_PROFILE=there", "TEMPORAL_CONFIG_FILE=" + b.Path("keyed.toml")}},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 300
			b := b.In(t, strings.ReplaceAll(name, " ", "-"))
			b.Env = c.env
			b.Write("in", harness.Lines(n))
			before := c.front.Passed.Load()
			worker := b.Start(harness.WorkerProgram, c.flags...)
			worker.Says("msg=serving")
			b.Start(harness.LonghaulProgram, append([]string{"run", "in", "--output", "out", "--task", "echo", "--progress", "plain"}, c.flags...)...).Ended(0)
			b.Same("out", harness.Lines(n))
			if list := b.Start(harness.LonghaulProgram, append([]string{"list"}, c.flags...)...).Ended(0); !strings.Contains(list.Out(), b.Path("out")) {
				t.Errorf("list: %s", list.Out())
			}
			if passed := c.front.Passed.Load() - before; passed < 10 {
				t.Errorf("%d calls went through the terminator", passed)
			}
			for _, said := range []string{worker.Errs(), worker.Out()} {
				if strings.Contains(said, key) {
					t.Errorf("the key stands in: %s", said)
				}
			}
		})
	}
}

// TestRefusedByTLSOrKey holds both programs to what docs/connection.md says of each refusal.
func TestRefusedByTLSOrKey(t *testing.T) {
	b := harness.New(t)
	b.Certificates()
	mutual, keyed, old := b.Front("server", true, ""), b.Front("server", false, "right"), b.Front("expired", false, "")
	ca := []string{"--tls-ca-path", b.Path("ca.pem")}
	with := func(name string) []string {
		return append([]string{"--tls-cert-path", b.Path(name + ".pem"), "--tls-key-path", b.Path(name + "-key.pem")}, ca...)
	}
	cases := map[string]struct {
		address string
		flags   []string
	}{
		"no certificate":                          {mutual.Address, ca},
		"a certificate of another authority":      {mutual.Address, with("stranger")},
		"an expired certificate":                  {mutual.Address, with("expired")},
		"an authority that is not known":          {mutual.Address, with("client")[:4]},
		"another server name":                     {mutual.Address, append(with("client"), "--tls-server-name", "other.example.com")},
		"a server's certificate that has expired": {old.Address, ca},
		"a server without TLS":                    {harness.Server.Address, []string{"--tls"}},
		"a server with TLS, asked without":        {keyed.Address, nil},
		"no API key":                              {keyed.Address, ca},
		"another API key":                         {keyed.Address, append([]string{"--api-key", "wrong"}, ca...)},
		"a certificate file that is missing":      {mutual.Address, with("none")},
		"a key without its certificate":           {mutual.Address, with("client")[2:]},
	}
	rows, err := harness.TableOf("connection.md", "Refused")
	harness.Must(t, err)
	if len(rows) != len(cases) {
		t.Errorf("%d rows in docs/connection.md, %d cases here", len(rows), len(cases))
	}
	b.Write("in", harness.Lines(3))
	for _, row := range rows {
		t.Run(row.Name, func(t *testing.T) {
			c, ok := cases[row.Name]
			if !ok {
				t.Fatal("nothing shows it")
			}
			b := *b
			b.T = t
			flags := append([]string{"--address", c.address, "--namespace", b.Namespace}, c.flags...)
			for _, p := range []*harness.Process{
				b.Start(harness.LonghaulProgram, append([]string{"run", "in", "--output", "out", "--task", "echo"}, flags...)...),
				b.Start(harness.LonghaulProgram, append([]string{"list"}, flags...)...),
				b.Start(harness.WorkerProgram, append(flags, "--client-connect-timeout", "1s")...),
			} {
				p.Ended(row.Exit)
				b.Matches(row.Said, p.Errs())
				if strings.Contains(p.Errs(), "wrong") && row.Name == "another API key" {
					t.Errorf("the key stands in: %s", p.Errs())
				}
			}
		})
	}
	if mutual.Passed.Load()+keyed.Passed.Load() != 0 || keyed.Refused.Load() == 0 {
		t.Errorf("calls let through: %d and %d; refused: %d", mutual.Passed.Load(), keyed.Passed.Load(), keyed.Refused.Load())
	}
}

// TestTheEmbeddedServerIsNoOther holds what docs/connection.md says of the embedded server and what names another.
func TestTheEmbeddedServerIsNoOther(t *testing.T) {
	b := harness.NewAlone(t)
	b.Write("in", harness.Lines(20))
	for flag, value := range map[string]string{"--address": "127.0.0.1:1", "--namespace": "other", "--api-key": "secret", "--tls-server-name": "x", "--profile": "default"} {
		p := b.Embedded("state", "in", "--output", "out", "--task", "echo", flag, value).Ended(2)
		if want := "--embedded and " + flag + ": the embedded server is this program's own"; !strings.Contains(p.Errs(), want) || strings.Contains(p.Errs(), "secret") {
			t.Errorf("said: %s", p.Errs())
		}
	}
	b.Env = []string{"TEMPORAL_ADDRESS=127.0.0.1:1", "TEMPORAL_NAMESPACE=other", "TEMPORAL_API_KEY=secret", "TEMPORAL_TLS_CLIENT_CERT_PATH=/nonexistent"}
	p := b.Embedded("state", "in", "--output", "out", "--task", "echo").Ended(0)
	b.Same("out", harness.Lines(20))
	if !strings.Contains(p.Errs(), "on the embedded server at") {
		t.Errorf("said: %s", p.Errs())
	}

	// Without --embedded it is the same where the embedded server is the one that there is.
	b.Env = nil
	dev := b.Start(harness.LonghaulProgram, "dev", "--state-dir", b.Path("state"))
	dev.Says("others use it with --address")
	p = b.Start(harness.LonghaulProgram, "run", "in", "--output", "out", "--task", "echo", "--state-dir", b.Path("state"), "--namespace", "other").Ended(2)
	if !strings.Contains(p.Errs(), "namespace other: the embedded server has the namespace default only; name a server with --address") {
		t.Errorf("said: %s", p.Errs())
	}
}
