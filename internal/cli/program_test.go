package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// execute runs the program in this process.
func execute(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	p := &Program{Name: "longhaul", Tasks: task.Builtin(), Stdout: &out, Stderr: &errs, Signals: make(chan os.Signal)}
	status = p.Run(args)
	return status, out.String(), errs.String()
}

func TestHelpListsTheExitStatuses(t *testing.T) {
	for name, args := range map[string][]string{"root": {"--help"}, "run": {"run", "--help"}} {
		t.Run(name, func(t *testing.T) {
			status, out, _ := execute(args...)
			if status != exitDone || !strings.Contains(out, exitHelp) {
				t.Errorf("status %d, help:\n%s", status, out)
			}
		})
	}
}

func TestUsageErrors(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	if err := os.WriteFile(in, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"unknown command":          {[]string{"rum"}, `unknown command "rum"`},
		"no input":                 {[]string{"run", "--output", out}, "no INPUT"},
		"a command without --":     {[]string{"run", in, "cat", "{}", "--output", out}, "or -- COMMAND"},
		"stdin and a file":         {[]string{"run", "-", in, "--output", out, "--task", "echo"}, "goes with no other INPUT"},
		"bad input format":         {[]string{"run", in, "--output", out, "--task", "echo", "--input-format", "xml"}, `inputFormat: "xml" is none of lines nul csv tsv jsonl`},
		"negative skip":            {[]string{"run", in, "--output", out, "--task", "echo", "--skip", "-1"}, "skip: -1 is not within"},
		"negative limit":           {[]string{"run", in, "--output", out, "--task", "echo", "--limit", "-1"}, "limit: -1 is not within"},
		"sample of nothing":        {[]string{"run", in, "--output", out, "--task", "echo", "--sample", "0"}, `--sample "0": want a part`},
		"sample above 1":           {[]string{"run", in, "--output", out, "--task", "echo", "--sample", "101%"}, `--sample "101%": want a part`},
		"sample in words":          {[]string{"run", in, "--output", out, "--task", "echo", "--sample", "some"}, `--sample "some": want a part`},
		"seed without sample":      {[]string{"run", in, "--output", out, "--task", "echo", "--seed", "1"}, "--seed goes with --sample"},
		"bad size":                 {[]string{"run", in, "--output", out, "--task", "echo", "--max-unpacked", "much"}, `--max-unpacked "much"`},
		"output among the inputs":  {[]string{"run", in, out, "--output", out, "--task", "echo"}, "the same file as the input"},
		"no output":                {[]string{"run", in, "--task", "echo"}, "no --output"},
		"no task":                  {[]string{"run", in, "--output", out}, "no task given"},
		"two tasks":                {[]string{"run", in, "--output", out, "--task", "echo", "--http", "{{.}}"}, "more than one task"},
		"nothing after --":         {[]string{"run", in, "--output", out, "--"}, "no command after --"},
		"unknown task":             {[]string{"run", in, "--output", out, "--task", "tripel"}, `no task "tripel"; it has activity, double, echo, exec, http, pipe`},
		"unknown task argument":    {[]string{"run", in, "--output", out, "--task", "double", "--task-arg", "dely=1s"}, `unknown field "dely"`},
		"malformed task argument":  {[]string{"run", in, "--output", out, "--task", "double", "--task-arg", "delay"}, "want K=V"},
		"argument of no task":      {[]string{"run", in, "--output", out, "--task-arg", "a=b", "--", "cat"}, "--task-arg goes with --task"},
		"pipe of nothing":          {[]string{"run", in, "--output", out, "--pipe"}, "--pipe -- PROGRAM"},
		"pipe of a task":           {[]string{"run", in, "--output", out, "--pipe", "--task", "echo"}, "--pipe -- PROGRAM"},
		"unknown pipe":             {[]string{"run", in, "--output", out, "--pipe=fast", "--", "cat"}, `mode: "fast" is neither "lines" nor "async"`},
		"activity of no queue":     {[]string{"run", in, "--output", out, "--activity", "a"}, "--activity needs --activity-queue"},
		"queue of no activity":     {[]string{"run", in, "--output", out, "--task", "echo", "--activity-queue", "q"}, "go with --activity"},
		"batch of none":            {[]string{"run", in, "--output", out, "--activity", "a", "--activity-queue", "q", "--activity-batch", "0"}, "batch: 0 is not within 1 to 10000"},
		"empty shell":              {[]string{"run", in, "--output", out, "--shell", ""}, "--shell needs a text"},
		"shell and command":        {[]string{"run", in, "--output", out, "--shell", "x", "--", "cat"}, "more than one task given: choose among --shell and -- COMMAND"},
		"bad fatal exit":           {[]string{"run", in, "--output", out, "--fatal-exit", "2,x", "--", "cat"}, `fatalExit: "x" is no exit status`},
		"fatal exit of no command": {[]string{"run", in, "--output", out, "--fatal-exit", "2", "--task", "echo"}, "--fatal-exit goes with"},
		"request of no http":       {[]string{"run", in, "--output", out, "--task", "echo", "--method", "PUT", "-H", "A: b"}, "--method and --header: only with --http"},
		"request of no task":       {[]string{"run", in, "--output", out, "--method", "PUT"}, "no task given"},
		"bad method":               {[]string{"run", in, "--output", out, "--http", "{{.}}", "-X", "put"}, `args: method: "put" is no method`},
		"header without a value":   {[]string{"run", in, "--output", out, "--http", "{{.}}", "-H", "secret"}, `--header: number 1 has no name and ":", want 'NAME: TEMPLATE'`},
		"header twice":             {[]string{"run", in, "--output", out, "--http", "{{.}}", "-H", "A: 1", "-H", "A: 2"}, "--header: A is given twice"},
		"header of the wire":       {[]string{"run", in, "--output", out, "--http", "{{.}}", "-H", "content-length: 1"}, "args: headers: content-length: it follows from how the request is sent"},
		"bad header template":      {[]string{"run", in, "--output", out, "--http", "{{.}}", "-H", "A: {{"}, "args: headers: A: template: template:1: unclosed action"},
		"secret of no variable":    {[]string{"run", in, "--output", out, "--http", "{{.}}", "--header-env", "A=s3cr3t-x"}, "args: headerEnv: A: it does not name an environment variable"},
		"secret without a name":    {[]string{"run", in, "--output", out, "--http", "{{.}}", "--header-env", "A: TOKEN"}, `--header-env: number 1 has no name and "=", want 'NAME=VARIABLE'`},
		"two bodies":               {[]string{"run", in, "--output", out, "--http", "{{.}}", "--data", "x", "--data-record"}, "args: body and bodyRecord: choose one"},
		"body of a missing file":   {[]string{"run", in, "--output", out, "--http", "{{.}}", "--data", "@" + out}, "--data: open " + out + ": no such file or directory"},
		"bad body template":        {[]string{"run", in, "--output", out, "--http", "{{.}}", "--data", "{{x}}"}, `args: body: template: template:1: function "x" not defined`},
		"bad statuses":             {[]string{"run", in, "--output", out, "--http", "{{.}}", "--expect", "2xx"}, `args: expect: "2xx" is no status`},
		"bad redirects":            {[]string{"run", in, "--output", out, "--http", "{{.}}", "--max-redirs", "-1"}, "args: redirects: -1 is not within 0 to 100"},
		"bad body size":            {[]string{"run", in, "--output", out, "--http", "{{.}}", "--max-body", "much"}, `--max-body "much": want a size such as 1MB`},
		"body size of nothing":     {[]string{"run", in, "--output", out, "--http", "{{.}}", "--max-body", "0"}, `--max-body "0": want a size such as 1MB`},
		"body size too large":      {[]string{"run", in, "--output", out, "--http", "{{.}}", "--max-body", "1GB"}, "args: maxBody: 1000000000 is not within 1 to 67108864"},
		"key without certificate":  {[]string{"run", in, "--output", out, "--http", "{{.}}", "--key", "k.pem"}, "args: keyFile: it goes with certFile"},
		"bad duration":             {[]string{"run", in, "--output", out, "--task", "echo", "--timeout", "soon"}, "--timeout"},
		"negative concurrency":     {[]string{"run", in, "--output", out, "--task", "echo", "-c", "-1"}, "--concurrency must be positive"},
		"no tries":                 {[]string{"run", in, "--output", out, "--task", "echo", "--retries", "0"}, "--retries must be positive"},
		"too many tries":           {[]string{"run", in, "--output", out, "--task", "echo", "--retries", "1001"}, "retry.maximumAttempts: 1001 is not within 1 to 1000"},
		"no delay":                 {[]string{"run", in, "--output", out, "--task", "echo", "--retry-delay", "0"}, "--retry-delay must be positive"},
		"a longest delay too short": {
			[]string{"run", in, "--output", out, "--task", "echo", "--retry-delay", "2s", "--retry-max-delay", "1s"}, "retry.maximumInterval: 1s is not within 2s to",
		},
		"a factor that shrinks": {[]string{"run", in, "--output", out, "--task", "echo", "--retry-factor", "0.5"}, "retry.backoffCoefficient: 0.5 is not within 1 to 10"},
		"a factor of none":      {[]string{"run", in, "--output", out, "--task", "echo", "--retry-factor", "0"}, "--retry-factor must be positive"},
		"retry of nothing":      {[]string{"retry"}, "want one OUTPUT"},
		"retry of two outputs":  {[]string{"retry", out, in}, "want one OUTPUT"},
		"retry of no command":   {[]string{"retry", out, "--"}, "no command after --"},
		"errors of nothing":     {[]string{"errors"}, "want one OUTPUT"},
		"too many samples":      {[]string{"errors", out, "--samples", "101"}, "--samples 101: want 0 to 100"},
		"burst without rate":    {[]string{"run", in, "--output", out, "--task", "echo", "--burst", "5"}, "--burst goes with --rate"},
		"burst of none":         {[]string{"run", in, "--output", out, "--task", "echo", "--rate", "1/s", "--burst", "0"}, "--burst must be positive"},
		"a rate of no unit":     {[]string{"run", in, "--output", out, "--task", "echo", "--rate", "100"}, `rate: "100" is no rate such as`},
		"a rate too high":       {[]string{"run", in, "--output", out, "--task", "echo", "--rate", "2000000/s"}, "rate: 2000000/s is not within 1/h to 1000000/s"},
		"a budget of no sense":  {[]string{"run", in, "--output", out, "--task", "echo", "--max-failures", "few"}, `maxFailures: "few" is neither a number of records`},
		"a budget above all":    {[]string{"run", in, "--output", out, "--task", "echo", "--max-failures", "101%"}, `maxFailures: "101%" is no part`},
		"outage of nothing":     {[]string{"run", in, "--output", out, "--task", "echo", "--outage-failures", "0"}, "--outage-failures must be positive"},
		"no outage attempts":    {[]string{"run", in, "--output", out, "--task", "echo", "--outage-attempts", "0"}, "--outage-attempts must be positive"},
		"bad format":            {[]string{"run", in, "--output", out, "--task", "echo", "--format", "xml"}, `format: "xml" is none of text json record`},
		"bad select":            {[]string{"run", in, "--output", out, "--task", "echo", "--select", ".a | foo"}, `select: function not defined: foo/0 in ".a | foo"`},
		"bad select-input":      {[]string{"run", in, "--output", out, "--task", "echo", "--select-input", ".a | }"}, `selectInput: unexpected token "}" at byte 6 of ".a | }"`},
		"select of nothing":     {[]string{"run", in, "--output", out, "--task", "echo", "--select", " "}, `select: missing query`},
		"end of a select":       {[]string{"run", in, "--output", out, "--task", "echo", "--select", ".a |"}, `select: unexpected EOF at byte 5 of ".a |"`},
		"dry run and try":       {[]string{"run", in, "--dry-run", "--try", "1", "--task", "echo"}, "choose one"},
		"try of none":           {[]string{"run", in, "--try", "0", "--task", "echo"}, "--try must be positive"},
		"try of an activity":    {[]string{"run", in, "--try", "1", "--activity", "a", "--activity-queue", "q"}, "--activity needs a server"},
		"dry run of a bad task": {[]string{"run", in, "--dry-run", "--task", "tripel"}, `no task "tripel"`},
		"bad order":             {[]string{"run", in, "--output", out, "--task", "echo", "--order", "any"}, `order: "any" is neither "input" nor "completion"`},
		"bad progress":          {[]string{"run", in, "--output", out, "--task", "echo", "--progress", "loud"}, `--progress "loud"`},
		"bad template":          {[]string{"run", in, "--output", out, "--http", "http://x/{{"}, "url"},
		"bad grpc-meta":         {[]string{"run", in, "--output", out, "--task", "echo", "--grpc-meta", "x"}, "want KEY=VALUE"},
		"detached embedded":     {[]string{"run", in, "--output", out, "--task", "echo", "--embedded", "--detach"}, "--detach needs a Temporal server"},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := execute(c.args...)
			if status != exitUsage || !strings.Contains(stderr, c.want) || stdout != "" {
				t.Errorf("status %d, want %d and %q on stderr:\n%s%s", status, exitUsage, c.want, stdout, stderr)
			}
		})
	}
	if _, err := os.Stat(out + ".longhaul"); !os.IsNotExist(err) {
		t.Errorf("something was begun: %v", err)
	}
}

func TestExitStatus(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"success":        {nil, exitDone},
		"anything else":  {errors.New("x"), exitFailed},
		"usage":          {usage(errors.New("x")), exitUsage},
		"bad spec":       {fmt.Errorf("x: %w", &job.Error{Kind: job.InvalidSpec}), exitUsage},
		"storage":        {&job.Error{Kind: job.Storage}, exitFailed},
		"failed records": {errSomeFailed, exitSomeFailed},
		"interrupt":      {errInterrupted, exitInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			if got := exitStatus(c.err); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

// TestTemporalProgramMissing looks for the temporal program where there is none: the error says how to get it.
func TestTemporalProgramMissing(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	if err := os.WriteFile(in, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Chdir(dir)
	status, _, stderr := execute("run", in, "--output", filepath.Join(dir, "out"), "--task", "echo", "--embedded", "--state-dir", filepath.Join(dir, "state"))
	if status != exitFailed || !strings.Contains(stderr, "go install github.com/temporalio/cli/cmd/temporal@") {
		t.Errorf("status %d: %s", status, stderr)
	}
}
