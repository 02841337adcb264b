package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/longhaul/longhaul/internal/dial"
	"github.com/longhaul/longhaul/task"
)

// workerFlags is the flags of longhaul-worker, with those that cobra adds left out.
func workerFlags() *pflag.FlagSet {
	p := &Program{Name: "longhaul-worker", Tasks: task.Builtin()}
	return p.workerCommand(p.Name).Flags()
}

// values is what the flags of a type are set to in this test, as text, and as the flag says it then.
var values = map[string][2]string{
	"string": {"x", "x"}, "duration": {"7s", "7s"}, "bool": {"true", "true"}, "int": {"7", "7"}, "int64": {"7", "7"},
	"stringArray": {"x,y", "[x,y]"}, "stringSlice": {"x,y", "[x,y]"},
}

// TestEveryFlagOfTheWorkerHasAVariable sets each flag by the environment: a container needs no command line. internal/dial tests those that are Temporal's.
func TestEveryFlagOfTheWorkerHasAVariable(t *testing.T) {
	documented, err := os.ReadFile("../../docs/production.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	workerFlags().VisitAll(func(flag *pflag.Flag) {
		seen++
		name := variable(flag.Name)
		if !strings.Contains(flag.Usage, name) {
			t.Errorf("the help of --%s does not name %s", flag.Name, name)
		}
		if !strings.Contains(string(documented), "| `"+name+"` |") {
			t.Errorf("docs/production.md does not tell of %s", name)
		}
		if dial.Variable(flag.Name) != "" {
			return
		}
		t.Run(name, func(t *testing.T) {
			value, known := values[flag.Value.Type()]
			if !known {
				t.Fatalf("no value to try for a %s", flag.Value.Type())
			}
			t.Setenv(name, value[0])
			f := workerFlags()
			if err := fromEnvironment(f); err != nil {
				t.Fatal(err)
			}
			if got := f.Lookup(flag.Name); got.Value.String() != value[1] || !got.Changed {
				t.Errorf("--%s is %s", flag.Name, got.Value)
			}
		})
	})
	if seen < 20 {
		t.Errorf("%d flags", seen)
	}
}

func TestAFlagGoesBeforeItsVariable(t *testing.T) {
	t.Setenv("LONGHAUL_STOP_TIMEOUT", "7s")
	t.Setenv("LONGHAUL_ONLY", "")
	f := workerFlags()
	if err := f.Parse([]string{"--stop-timeout", "9s"}); err != nil {
		t.Fatal(err)
	}
	if err := fromEnvironment(f); err != nil {
		t.Fatal(err)
	}
	if got := f.Lookup("stop-timeout").Value.String(); got != "9s" {
		t.Errorf("--stop-timeout is %s", got)
	}
	if f.Lookup("only").Changed {
		t.Error("an empty variable says something")
	}
}

func TestVariablesThatMakeNoSenseAreRefusedByName(t *testing.T) {
	t.Setenv("LONGHAUL_STOP_TIMEOUT", "soon")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"not a duration":       {[]string{"worker"}, `LONGHAUL_STOP_TIMEOUT="soon": invalid argument "soon"`},
		"no address of health": {[]string{"worker", "health"}, "no address to ask: name the worker's with --health or LONGHAUL_HEALTH"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, _, said := execute(c.args...); status != exitUsage || !strings.Contains(said, c.want) {
				t.Errorf("status %d: %s", status, said)
			}
		})
	}
}
