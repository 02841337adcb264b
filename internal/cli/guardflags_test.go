package cli

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/longhaul/longhaul/internal/guard"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// policyOf is what flags and an environment say.
func policyOf(t *testing.T, environment map[string]string, flags ...string) (*guard.Policy, error) {
	t.Helper()
	for _, name := range proxies {
		t.Setenv(name, "")
	}
	for name, value := range environment {
		t.Setenv(name, value)
	}
	var o guardOptions
	f := pflag.NewFlagSet("worker", pflag.ContinueOnError)
	o.register(f)
	if err := f.Parse(flags); err != nil {
		t.Fatal(err)
	}
	if err := fromEnvironment(f); err != nil {
		return nil, err
	}
	p, err := o.policy(task.Builtin())
	t.Cleanup(func() { p.Close() })
	return p, err
}

// TestTheTasksOfAWorker: no commands by itself, and what is said otherwise.
func TestTheTasksOfAWorker(t *testing.T) {
	for name, c := range map[string]struct {
		environment map[string]string
		flags       []string
		allowed     string
	}{
		"by itself":                      {nil, nil, "activity double echo http"},
		"one":                            {nil, []string{"--allow-task", "exec"}, "exec"},
		"several":                        {nil, []string{"--allow-task", "exec,pipe", "--allow-task", "http"}, "exec http pipe"},
		"none":                           {nil, []string{"--allow-task", ""}, ""},
		"by the environment":             {map[string]string{"LONGHAUL_ALLOW_TASK": "echo,pipe"}, nil, "echo pipe"},
		"by a flag over the environment": {map[string]string{"LONGHAUL_ALLOW_TASK": "echo,pipe"}, []string{"--allow-task", "http"}, "http"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := policyOf(t, c.environment, c.flags...)
			if err != nil {
				t.Fatal(err)
			}
			var allowed []string
			for _, name := range []string{"activity", "double", "echo", "exec", "http", "pipe"} {
				s := job.Spec{Input: job.Paths{"/in"}, Output: "/out", Task: job.Task{Name: name}}
				if p.Job(s.WithDefaults()) == nil {
					allowed = append(allowed, name)
				}
			}
			if got := strings.Join(allowed, " "); got != c.allowed {
				t.Errorf("%q, want %q", got, c.allowed)
			}
		})
	}
}

// TestEachCeilingIsTheWorkers, by flag and by variable.
func TestEachCeilingIsTheWorkers(t *testing.T) {
	want := guard.Ceilings{
		Concurrency: 1, Timeout: 2 * time.Second, ChunkRecords: 3, ChunkBytes: 4 << 20, WindowChunks: 5, WindowBytes: 6 << 20, ResultBytes: 7 << 20, UnpackedBytes: 8 << 20,
	}
	values := map[string]string{
		"max-concurrency": "1", "max-timeout": "2s", "max-chunk-records": "3", "max-chunk-bytes": "4MiB", "max-window-chunks": "5", "max-window-bytes": "6MiB", "max-result": "7MiB",
		"max-unpacked": "8MiB",
	}
	environment, flags := map[string]string{}, []string{}
	for flag, value := range values {
		environment["LONGHAUL_"+strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))] = value
		flags = append(flags, "--"+flag, value)
	}
	t.Run("flags", func(t *testing.T) {
		if p, err := policyOf(t, nil, flags...); err != nil || p.Ceilings != want {
			t.Errorf("%+v, %v", p, err)
		}
	})
	t.Run("environment", func(t *testing.T) {
		if p, err := policyOf(t, environment); err != nil || p.Ceilings != want {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestAWorkersLimitsThatAreWrong(t *testing.T) {
	for name, c := range map[string]struct {
		environment map[string]string
		flags       []string
		want        string
	}{
		"a folder that is missing":          {nil, []string{"--root", "/no/such/folder"}, "/no/such/folder: no such file or directory"},
		"a task that is missing":            {nil, []string{"--allow-task", "exce"}, `--allow-task: this program has no task "exce"; it has activity, double, echo, exec, http, pipe`},
		"a host that is none":               {nil, []string{"--allow-host", "http://example.com"}, `host "http://example.com": want a name`},
		"a variable that is none":           {nil, []string{"--allow-env", "["}, `variable "[": it is no name`},
		"a size that is none":               {nil, []string{"--max-result", "x"}, `--max-result "x": want a size such as 64MB`},
		"a size of nothing":                 {nil, []string{"--max-unpacked", "0"}, `--max-unpacked "0": want a size such as 64MB`},
		"a number below 0":                  {nil, []string{"--max-concurrency", "-1"}, "-1: a ceiling cannot be negative"},
		"a variable of the environment":     {map[string]string{"LONGHAUL_MAX_TIMEOUT": "x"}, nil, "LONGHAUL_MAX_TIMEOUT="},
		"a proxy, where hosts are judged":   {map[string]string{"https_proxy": "http://proxy"}, []string{"--allow-host", "x"}, "a proxy (https_proxy) would connect"},
		"a proxy, where addresses are":      {map[string]string{"HTTP_PROXY": "http://proxy"}, []string{"--deny-private"}, "a proxy (HTTP_PROXY) would connect"},
		"a proxy, where addresses are, too": {map[string]string{"HTTP_PROXY": "http://proxy", "LONGHAUL_DENY_PRIVATE": "1"}, nil, "a proxy (HTTP_PROXY) would connect"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := policyOf(t, c.environment, c.flags...); !errors.Is(err, errUsage) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
	if _, err := policyOf(t, map[string]string{"HTTP_PROXY": "http://proxy"}, "--root", t.TempDir()); err != nil {
		t.Errorf("a proxy, where no host is judged: %v", err)
	}
}
