package e2e

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestCommandsAsGNUParallel has GNU parallel keep the order of the same commands: the outputs are the same.
func TestCommandsAsGNUParallel(t *testing.T) {
	if _, err := exec.LookPath("parallel"); err != nil {
		t.Fatalf("%v (apt-get install parallel; make test does)", err)
	}
	b := harness.New(t)
	b.Worker()
	var in bytes.Buffer
	for range 4 {
		in.WriteString("plain\nwith  blanks \n$(id)\n`id`; ls *\n\"quoted\" 'so'\\\n--flag\nümläut\n%s\\n\n")
	}
	b.Write("in", in.Bytes())
	for name, c := range map[string]struct{ parallel, longhaul []string }{
		"argument": {[]string{"--quote", "printf", "<%s>\n", "a{}b"}, []string{"--", "printf", "<%s>\n", "a{}b"}},
		"input":    {[]string{"--pipe", "-N1", "wc -c"}, []string{"--", "wc", "-c"}},
		"shell":    {[]string{"--pipe", "-N1", "tr a-z A-Z | rev"}, []string{"--shell", "tr a-z A-Z | rev"}},
	} {
		cmd := exec.Command("parallel", append([]string{"--will-cite", "-k", "-j", "4"}, c.parallel...)...)
		cmd.Stdin = bytes.NewReader(in.Bytes())
		want, err := cmd.Output()
		if err != nil {
			t.Fatalf("parallel: %v", err)
		}
		b.Longhaul(append([]string{"in", "--output", name, "--concurrency", "4"}, c.longhaul...)...).Ended(0)
		b.Same(name, want)
	}
}
