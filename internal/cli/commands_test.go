package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
	"github.com/longhaul/longhaul/task"
)

// nowhere is flags that name a server that is none.
var nowhere = []string{"--address", "127.0.0.1:1", "--state-dir", "/nonexistent"}

// commands returns every command that a user meets, by how it is called.
func commands() map[string]*cobra.Command {
	p := &Program{Name: "longhaul", Tasks: task.Builtin()}
	all := map[string]*cobra.Command{}
	var add func(*cobra.Command)
	add = func(c *cobra.Command) {
		all[c.CommandPath()] = c
		for _, sub := range c.Commands() {
			if !sub.Hidden {
				add(sub)
			}
		}
	}
	add(p.rootCommand())
	all["longhaul-worker"] = p.workerCommand("longhaul-worker")
	return all
}

func TestEveryCommandHasExamples(t *testing.T) {
	for path, c := range commands() {
		if c.Example == "" || c.Short == "" || c.Long == "" {
			t.Errorf("%s: short %q, long %q, examples %q", path, c.Short, c.Long, c.Example)
		}
		own := strings.HasPrefix(path, "longhaul completion")
		if !own && !strings.Contains(c.Long, "Exit status:") {
			t.Errorf("the help of %s says nothing of its exit status", path)
		}
	}
}

// TestEveryCommandIsDocumented holds docs/cli.md to the commands and their flags.
func TestEveryCommandIsDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for path, c := range commands() {
		if !strings.Contains(text, "`"+path) {
			t.Errorf("docs/cli.md does not tell of %s", path)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !strings.HasPrefix(path, "longhaul completion") && !strings.Contains(text, "--"+f.Name) {
				t.Errorf("docs/cli.md does not tell of %s --%s", path, f.Name)
			}
		})
	}
}

func TestMistypedWords(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a flag":                    {[]string{"run", "--outptu", "x"}, "unknown flag: --outptu; did you mean --output?\nTry longhaul run --help."},
		"a flag cut short":          {[]string{"run", "--conc", "5"}, "unknown flag: --conc; did you mean --concurrency?"},
		"a flag with a value":       {[]string{"status", "--adress=x"}, "unknown flag: --adress; did you mean --address?\nTry longhaul status --help."},
		"a flag like no other":      {[]string{"run", "--frobnicate"}, "unknown flag: --frobnicate\nTry"},
		"a flag of one letter":      {[]string{"run", "-y"}, "unknown shorthand flag: 'y' in -y\nTry"},
		"a command":                 {[]string{"stauts"}, `unknown command "stauts"; did you mean status?` + "\nTry longhaul --help."},
		"a command like no other":   {[]string{"frobnicate"}, "unknown command \"frobnicate\"\nTry"},
		"two commands that it is":   {[]string{"re"}, "did you mean "},
		"a flag of another command": {[]string{"verify", "x", "--concurrency", "5"}, "unknown flag: --concurrency\nTry longhaul verify --help."},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := execute(c.args...)
			if status != exitUsage || !strings.Contains(stderr, c.want) || stdout != "" {
				t.Errorf("status %d, want %q in\n%s%s", status, c.want, stdout, stderr)
			}
		})
	}
}

func TestEditDistance(t *testing.T) {
	for words, want := range map[[2]string]int{
		{"", ""}: 0, {"", "ab"}: 2, {"output", "output"}: 0, {"outptu", "output"}: 1, {"adress", "address"}: 1, {"outputs", "output"}: 1, {"cat", "dog"}: 3, {"ab", "ba"}: 1,
	} {
		if got := editDistance(words[0], words[1]); got != want {
			t.Errorf("%q: %d, want %d", words, got, want)
		}
		if got := editDistance(words[1], words[0]); got != want {
			t.Errorf("%q the other way: %d, want %d", words, got, want)
		}
	}
}

func TestUsageOfCommands(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"list of something":  {[]string{"list", "x"}, `unknown argument "x"`},
		"list of none":       {[]string{"list", "--limit", "0"}, "--limit 0: want 1 to 1000"},
		"status of two":      {[]string{"status", "a", "b"}, "want one JOB"},
		"watch of none":      {[]string{"watch"}, "want one JOB"},
		"watch in a way":     {[]string{"watch", "x", "--progress", "loud"}, `--progress "loud"`},
		"cancel of none":     {[]string{"cancel"}, "want one JOB"},
		"result of none":     {[]string{"result"}, "want one JOB"},
		"ui of two":          {[]string{"ui", "a", "b"}, "want one JOB"},
		"ui at no address":   {[]string{"ui", "--ui-address", "here"}, `--ui-address "here": want a URL`},
		"dev of something":   {[]string{"dev", "x"}, `unknown argument "x"`},
		"version of what":    {[]string{"version", "x"}, `unknown argument "x"`},
		"a header of nobody": {[]string{"list", "--grpc-meta", "x"}, "want KEY=VALUE"},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := execute(c.args...)
			if status != exitUsage || !strings.Contains(stderr, c.want) || stdout != "" {
				t.Errorf("status %d, want %q in\n%s%s", status, c.want, stdout, stderr)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	status, out, _ := execute("version", "--json")
	var v versionReport
	if err := json.Unmarshal([]byte(out), &v); status != exitDone || err != nil || v.Go == "" || v.Manifest != output.Version || v.System == "" {
		t.Errorf("status %d, %v: %s", status, err, out)
	}
	if status, out, _ = execute("version"); status != exitDone || !strings.HasPrefix(out, "longhaul ") || !strings.Contains(out, v.Go) {
		t.Errorf("status %d: %s", status, out)
	}
	for want, v := range map[string]versionReport{
		"v1.2.3":                             {Version: "v1.2.3"},
		"(devel) (0123456789ab)":             {Version: "(devel)", Revision: "0123456789abcdef"},
		"(devel) (0123456789ab, modified)":   {Version: "(devel)", Revision: "0123456789abcdef", Modified: true},
		"v0.0.0-20260101000000-0123456789ab": {Version: "v0.0.0-20260101000000-0123456789ab", Revision: "0123456789abcdef"},
	} {
		if got := v.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

var theClaim = output.Claim{Cluster: "c", Namespace: "default", WorkflowID: "the-job", RunID: "r"}

// begin begins an output of the job the-job and returns its path.
func begin(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "out")
	_, err := output.At(fsys.OS, path).Claim(t.Context(), output.ClaimRequest{
		Claim: theClaim,
		Spec:  output.Identity{Task: "echo", Format: job.FormatText}, Input: job.InputSet{{Path: "/data/in"}}, Job: "r",
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// finish commits an empty input.
func finish(t *testing.T, path string) {
	t.Helper()
	a, _, err := output.At(fsys.OS, path).Append(t.Context(), theClaim, job.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Commit(0, 0, job.Totals{}, true); err != nil {
		t.Fatal(err)
	}
}

// TestAnOutputIsToldOfWithoutAServer asks for an output while the configured server does not answer.
func TestAnOutputIsToldOfWithoutAServer(t *testing.T) {
	path := begin(t, t.TempDir())
	ask := func(command string, args ...string) (int, string, string) {
		return execute(slices.Concat([]string{command, path}, args, nowhere)...)
	}
	status, out, errs := ask("status")
	if status != exitDone || !strings.Contains(out, "the-job") || !strings.Contains(out, "unfinished; the same command as before resumes it") ||
		!strings.Contains(errs, "no Temporal server at 127.0.0.1:1") || !strings.Contains(errs, "told from the manifest") {
		t.Errorf("status %d:\n%s%s", status, out, errs)
	}
	for _, command := range []string{"result", "watch"} {
		if status, out, errs = ask(command); status != exitFailed || out != "" || !strings.Contains(errs, "job the-job is unfinished, with 0 records, 0 failed; the same command") {
			t.Errorf("%s: status %d:\n%s%s", command, status, out, errs)
		}
	}
	finish(t, path)
	if status, out, _ = ask("status", "--json"); status != exitDone {
		t.Errorf("status %d", status)
	}
	var r jobReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.State != stateComplete || r.Output != path || r.Job != "the-job" || r.Input.String() != "/data/in" {
		t.Errorf("%v: %s", err, out)
	}
	if status, out, _ = ask("result"); status != exitDone || !strings.Contains(out, "done: 0 records, 0 failed") || !strings.Contains(out, "output: "+path) {
		t.Errorf("status %d: %s", status, out)
	}
	var s summary
	if status, out, _ = ask("result", "--json"); status != exitDone || json.Unmarshal([]byte(out), &s) != nil || s.Output != path || s.Job != "the-job" {
		t.Errorf("status %d: %s", status, out)
	}
	// What is no output needs the server.
	if status, _, errs = execute(slices.Concat([]string{"status", "some-job"}, nowhere)...); status != exitFailed || !strings.Contains(errs, "no Temporal server at 127.0.0.1:1") {
		t.Errorf("status %d: %s", status, errs)
	}
}

func TestADamagedManifestIsSaidToBe(t *testing.T) {
	path := begin(t, t.TempDir())
	if err := os.WriteFile(path+".longhaul/manifest", []byte("x\ny\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, errs := execute(slices.Concat([]string{"status", path}, nowhere)...)
	if status != exitFailed || !strings.Contains(errs, "not a longhaul manifest") {
		t.Errorf("status %d: %s", status, errs)
	}
}

// TestWhatAJobMayBe names jobs by id and by path.
func TestWhatAJobMayBe(t *testing.T) {
	dir := t.TempDir()
	out := begin(t, dir)
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for arg, want := range map[string][]string{
		"out":             {"the-job", job.IDOf(out)},
		out:               {"the-job", job.IDOf(out)},
		"some-id":         {"some-id", job.IDOf(filepath.Join(dir, "some-id"))},
		"plain":           {job.IDOf(plain)},
		"not/yet/written": {job.IDOf(filepath.Join(dir, "not/yet/written"))},
	} {
		if n, err := name(arg); err != nil || !slices.Equal(n.ids, want) || (n.manifest != nil) != (want[0] == "the-job") {
			t.Errorf("%s: %+v, %v; want %q", arg, n, err, want)
		}
	}
}

func TestDoctorSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Chdir(dir)
	status, out, errs := execute("doctor", "--json", filepath.Join(dir, "missing"), "--address", "127.0.0.1:1")
	var r doctorReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || status != exitFailed || r.OK || !strings.Contains(errs, "not everything is in order") {
		t.Fatalf("status %d, %v: %s%s", status, err, out, errs)
	}
	got := map[string][]string{}
	for _, c := range r.Checks {
		got[c.Name] = append(got[c.Name], c.State)
		if (c.State == checkFailed || c.State == checkWarning) != (c.Do != "") {
			t.Errorf("%+v", c)
		}
	}
	want := map[string][]string{
		"temporal program": {checkSkipped}, "server": {checkFailed}, "namespace": {checkSkipped}, "workers": {checkSkipped},
		"disk": {checkOK, checkFailed}, "sync": {checkOK, checkFailed}, "open files": {checkOK},
	}
	for name, states := range want {
		if name != "open files" && name != "sync" && !slices.Equal(got[name], states) || len(got[name]) != len(states) {
			t.Errorf("%s: %q, want %q", name, got[name], states)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "doctor-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	if _, out, _ = execute("doctor", "--address", "127.0.0.1:1"); !strings.Contains(out, "failed   server") || !strings.Contains(out, "do: start it, or check --address") {
		t.Errorf("for people:\n%s", out)
	}
}

func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	begin(t, dir)
	t.Chdir(dir)
	for name, c := range map[string]struct {
		words []string
		want  string
	}{
		"commands":             {[]string{"ver"}, "verify\tCheck an output"},
		"formats":              {[]string{"run", "--format", ""}, "text\njson\nrecord\n:4"},
		"tasks":                {[]string{"run", "--task", ""}, "activity\ndouble\necho\nexec\nhttp\npipe\n:4"},
		"levels":               {[]string{"worker", "--log-level", ""}, "debug\ninfo\nwarn\nerror\n:4"},
		"folders":              {[]string{"dev", "--state-dir", ""}, ":16"},
		"numbers":              {[]string{"run", "--concurrency", ""}, ":4"},
		"outputs":              {[]string{"verify", "o"}, "out\n:0"},
		"outputs, no server":   {append(append([]string{"status"}, nowhere...), "o"), "out\n:0"},
		"no second output":     {[]string{"verify", "out", ""}, ":4"},
		"no second job":        {[]string{"status", "out", ""}, ":4"},
		"names of odd letters": {[]string{"verify", "["}, ":0"},
	} {
		t.Run(name, func(t *testing.T) {
			status, out, _ := execute(append([]string{"__complete"}, c.words...)...)
			if status != exitDone || !strings.HasPrefix(out, c.want) {
				t.Errorf("status %d, want %q:\n%s", status, c.want, out)
			}
		})
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if status, out, _ := execute("completion", shell); status != exitDone || !strings.Contains(out, "longhaul") {
			t.Errorf("%s: status %d", shell, status)
		}
	}
}

// TestSilentServersAreAskedAgain tells a server that does not answer from a job that ended.
func TestSilentServersAreAskedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"no error":      {nil, false},
		"away":          {serviceerror.NewUnavailable("x"), true},
		"late":          {fmt.Errorf("x: %w", serviceerror.NewDeadlineExceeded("x")), true},
		"late here":     {context.DeadlineExceeded, true},
		"busy":          {&serviceerror.ResourceExhausted{}, true},
		"no such job":   {serviceerror.NewNotFound("x"), false},
		"a job's error": {&temporal.WorkflowExecutionError{}, false},
		"another":       {errors.New("x"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := silent(c.err); got != c.want {
				t.Error(got)
			}
		})
	}
}

// TestAnInterruptBeforeTheJobEndsTheCommand, whatever it waits for.
func TestAnInterruptBeforeTheJobEndsTheCommand(t *testing.T) {
	signals := make(chan os.Signal, 2)
	var errs bytes.Buffer
	p := &Program{Stderr: &errs, Signals: signals}
	err := p.untilInterrupt(t.Context(), func(ctx context.Context) error {
		signals <- os.Interrupt
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, errInterrupted) || !strings.Contains(errs.String(), "interrupted before the job was begun") {
		t.Errorf("%v: %s", err, errs.String())
	}
	want := errors.New("its own")
	if err := p.untilInterrupt(t.Context(), func(context.Context) error { return want }); !errors.Is(err, want) {
		t.Errorf("%v", err)
	}
	signals <- os.Interrupt // of later: nobody has taken it
	<-signals
}
