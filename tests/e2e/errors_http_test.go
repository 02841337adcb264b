package e2e

import (
	"maps"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

func init() { maps.Copy(errorCases, httpErrorCases) }

// tokenVariable is a variable that the worker's environment may have.
const tokenVariable = "E2E_API_TOKEN"

// httpErrorCases are those of errorCases that are about requests.
var httpErrorCases = map[string]func(t *testing.T){
	"a secret that is not set": func(t *testing.T) {
		b, tg := harness.New(t), harness.NewTarget(t, harness.Fixed(0))
		b.Write("in", harness.Lines(10))
		args := []string{"in", "--output", "out", "--http", tg.Template(), "--header-env", "Authorization=Bearer " + tokenVariable}
		w := b.Worker()
		b.Documented("a secret that is not set", b.Longhaul(args...))
		if total, _, _ := tg.Counts(); total > 0 {
			t.Errorf("%d requests were made all the same", total)
		}
		w.Kill()
		b.Env = append(b.Env, tokenVariable+"=t0ken")
		b.Worker()
		b.Longhaul(args...).Ended(0)
		b.Same("out", harness.Oracle(10))
	},
	"a certificate file that is missing": func(t *testing.T) {
		b, tg := harness.New(t), harness.NewTarget(t, harness.Fixed(0))
		b.Write("in", harness.Lines(10))
		b.Worker()
		args := []string{"in", "--output", "out", "--http", tg.Template(), "--cacert", "ca.pem"}
		b.Documented("a certificate file that is missing", b.Longhaul(args...))
		if total, _, _ := tg.Counts(); total > 0 {
			t.Errorf("%d requests were made all the same", total)
		}
		b.Certificates()
		b.Longhaul(args...).Ended(0)
		b.Same("out", harness.Oracle(10))
	},
	// The reason is in plain sight, and the same job goes on with the certificate that was missing.
	"a server's certificate that is not trusted": func(t *testing.T) {
		b := harness.New(t)
		b.Certificates()
		ng := b.Nginx(`server { listen @a@ ssl; ` + secure + answers + ` }`)
		b.Worker()
		b.Write("in", harness.Lines(200))
		args := []string{"in", "--output", "out", "--http", "https://" + ng.At["a"] + "/{{.}}", "--job", "trust"}
		p := b.Longhaul(args...)
		b.SaidMeanwhile("a server's certificate that is not trusted", p)
		b.Temporal("workflow", "cancel", "--workflow-id", "trust")
		p.Ended(1)
		b.Longhaul(append(args, "--cacert", "ca.pem")...).Ended(0)
		b.Same("out", harness.Oracle(200))
	},
}
