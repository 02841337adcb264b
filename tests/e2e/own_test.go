package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestAGoProgramOfOnesOwn builds examples/go and has it be starter, worker and server: its function runs like any task.
func TestAGoProgramOfOnesOwn(t *testing.T) {
	b := harness.New(t)
	mine := b.Path("mine")
	if out, err := exec.Command("go", "build", "-o", mine, "github.com/longhaul/longhaul/examples/go").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b.Write("in", []byte("127.0.0.1\n\n::1\n")) // none of which is asked of the network
	server := []string{"--address", harness.Server.Address, "--namespace", b.Namespace}
	job := append([]string{"run", "in", "--task", "lookup", "--format", "json", "--progress", "plain"}, server...)

	p := b.Start(mine, append(job, "--output", "out")...)
	p.Says("start one: mine worker --address " + harness.Server.Address)
	b.Start(mine, append([]string{"worker"}, server...)...)
	p.Ended(3)
	b.Same("out", []byte(`["127.0.0.1"]`+"\n"+"null\n"+`["::1"]`+"\n"))
	if errs := string(b.Read("out.longhaul/errors.jsonl")); !strings.Contains(errs, `"tries":1`) || !strings.Contains(errs, "no such host") {
		t.Errorf("errors: %s", errs)
	}

	harness.Must(t, harness.FreePorts(b.Path("state")))
	b.Start(mine, "run", "in", "--output", "alone", "--task", "lookup", "--format", "json", "--embedded", "--state-dir", b.Path("state")).Ended(3)
	b.Same("alone", b.Read("out"))
}
