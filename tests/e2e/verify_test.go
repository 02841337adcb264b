package e2e

import (
	"os"
	"slices"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// verifyCases brings an output into the state of that name in docs/guarantees.md.
var verifyCases = map[string]func(b *harness.Bench){
	"right":                 func(*harness.Bench) {},
	"a byte edited":         edit("out", "3", "4"),
	"a line too many":       edit("out", "30", "3\n"),
	"cut":                   func(b *harness.Bench) { harness.Must(b.T, os.Truncate(b.Path("out"), 100)) },
	"longer":                func(b *harness.Bench) { b.Write("out", append(b.Read("out"), "more"...)) },
	"missing":               func(b *harness.Bench) { harness.Must(b.T, os.Remove(b.Path("out"))) },
	"errors file edited":    edit("out.longhaul/errors.jsonl", "not", "n0t"),
	"not begun by longhaul": func(b *harness.Bench) { harness.Must(b.T, os.RemoveAll(b.Path("out.longhaul"))) },
	"manifest damaged":      edit("out.longhaul/manifest", `"complete": true`, `"complete": tru3`),
}

// TestVerify runs longhaul verify over outputs in each state that docs/guarantees.md names: it says what stands there, and changes nothing.
func TestVerify(t *testing.T) {
	rows, err := harness.DocumentedTable(harness.VerifyHeading)
	harness.Must(t, err)
	b := harness.New(t)
	b.Worker()
	b.Write("in", append(harness.Lines(500), "x\n"...))
	for _, row := range rows {
		if _, ok := verifyCases[row.Name]; !ok && row.Name != "unfinished" && row.Name != "unfinished, an append under way" {
			t.Errorf("no test brings an output into the documented state %q", row.Name)
		}
	}
	for name, bring := range verifyCases {
		t.Run(name, func(t *testing.T) {
			i := slices.IndexFunc(rows, func(r harness.DocumentedRow) bool { return r.Name == name })
			if i < 0 {
				t.Fatal("docs/guarantees.md does not tell of it")
			}
			b := b.In(t, name)
			b.Longhaul("../in", "--output", "out", "--task", "double", "--task-arg", "delay=1ms", "--job", name).Ended(3)
			bring(b)
			before := tree(b)
			p := b.Verify("out").Ended(rows[i].Exit)
			b.Matches(rows[i].Said, p.Out()+p.Errs())
			if after := tree(b); !slices.Equal(before, after) {
				t.Errorf("it changed something: %q, and before %q", after, before)
			}
		})
	}
}

// TestVerifyBesideAJob verifies the output of a job that runs.
func TestVerifyBesideAJob(t *testing.T) {
	rows, err := harness.DocumentedTable(harness.VerifyHeading)
	harness.Must(t, err)
	said := map[string]harness.DocumentedRow{}
	for _, row := range rows {
		said[row.Name] = row
	}
	h := held(t)
	p := h.Verify("out").Ended(0)
	h.Matches(said["unfinished"].Said, p.Out())
	h.Temporal("workflow", "terminate", "--workflow-id", "half")
	h.run.Ended(1)
	h.Write("out", append(h.Read("out"), "torn"...)) // as by a dead append
	p = h.Verify("out").Ended(0)
	h.Matches(said["unfinished, an append under way"].Said, p.Out())
	h.release()
	h.completes(halfLimit)
}

func TestVerifyTakesOneOutput(t *testing.T) {
	b := harness.NewAlone(t)
	b.Start(harness.LonghaulProgram, "verify").Ended(2).Says("want one OUTPUT")
	b.Start(harness.LonghaulProgram, "verify", "a", "b").Ended(2).Says("want one OUTPUT")
}

// tree is the names and the contents of an output and what is beside it.
func tree(b *harness.Bench) (files []string) {
	for _, name := range []string{"out", "out.longhaul/manifest", "out.longhaul/errors.jsonl", "out.longhaul/lock"} {
		content, err := os.ReadFile(b.Path(name))
		if err != nil {
			content = []byte(err.Error())
		}
		files = append(files, name+" "+string(content))
	}
	return files
}
