package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/client"

	"github.com/longhaul/longhaul/internal/codec"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/tests/harness"
)

// newKey writes a file with a new key, before those of older files.
func newKey(b *harness.Bench, name string, older ...string) string {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	text := base64.StdEncoding.EncodeToString(key) + "\n"
	for _, o := range older {
		text += string(b.Read(o))
	}
	return b.Write(name, []byte(text))
}

// marker stands in paths, arguments, records, results and errors of the job whose traces on the server are looked for.
const marker = "KEEP-THIS-SECRET"

// whyShown is that as a part of JSON.
var whyShown = strings.ReplaceAll(whyItGaveUp, `"`, `\"`)

const whyItGaveUp = `(as record 2, "` + marker

// TestNothingSecretReachesTheServer looks for a job's paths, arguments, records and errors in the server's database, where they are without encryption, and must not be with it;
// all commands tell of the job as ever, and a codec server shows it to Temporal's own.
func TestNothingSecretReachesTheServer(t *testing.T) {
	for name, encrypted := range map[string]bool{"without keys they are there": false, "with keys they are not": true} {
		t.Run(name, func(t *testing.T) {
			b := harness.NewAlone(t)
			server := b.DevServer("temporal.db")
			server.Start(b)
			harness.Must(t, os.Mkdir(b.Path(marker), 0o700))
			b.Write(marker+"/in", []byte("1\n2\n"+marker+"\n4\n"))
			at := []string{"--address", server.Address}
			keyed := at
			if encrypted {
				keyed = append(at, "--encryption-key-file", newKey(b, "key"))
			}
			longhaul := func(status int, flags []string, args ...string) *harness.Process {
				t.Helper()
				return b.Start(harness.LonghaulProgram, append(args, flags...)...).Ended(status)
			}
			b.Start(harness.WorkerProgram, keyed...)
			tg := harness.NewTarget(t, harness.Fixed(0))
			tg.Refuses = func(record string) bool { return record == marker }
			task := []string{"--http", tg.Template(), "--header", "X-Kept: " + marker, "--progress", "plain"}
			out := marker + "/out"
			longhaul(3, keyed, append([]string{"run", marker + "/in", "--output", out, "--job", "job"}, task...)...)
			b.Same(out, []byte("\"result 1\"\n\"result 2\"\nnull\n\"result 4\"\n"))
			gaveUp := longhaul(1, keyed, append([]string{"run", marker + "/in", "--output", marker + "/stopped", "--job", "stopped", "--max-failures", "0"}, task...)...)
			if !strings.Contains(gaveUp.Errs(), whyItGaveUp) {
				t.Errorf("why it gave up: %s", gaveUp.Errs())
			}
			for _, command := range [][]string{{"list"}, {"status", "job"}, {"status", "stopped"}} {
				if p := longhaul(0, keyed, command...); !strings.Contains(p.Out(), marker) {
					t.Errorf("%s: %s", command, p.Out())
				}
			}
			if p := longhaul(3, keyed, "result", "job"); !strings.Contains(p.Out(), marker) {
				t.Errorf("result: %s", p.Out())
			}
			if encrypted {
				readByOthers(t, b, at, keyed)
			}
			server.Signal(syscall.SIGTERM)
			<-server.Exited
			if found := inDatabase(t, b); (found > 0) == encrypted {
				t.Errorf("%q stands in the database %d times", marker, found)
			}
		})
	}
}

// inDatabase counts the marker in the files of the server's database.
func inDatabase(t *testing.T, b *harness.Bench) (found int) {
	t.Helper()
	files, err := filepath.Glob(b.Path("temporal.db*"))
	harness.Must(t, err)
	size := 0
	for _, f := range files {
		data, err := os.ReadFile(f)
		harness.Must(t, err)
		size += len(data)
		found += bytes.Count(data, []byte(marker))
	}
	if size < 100_000 {
		t.Errorf("the database has %d bytes in %v", size, files)
	}
	return found
}

// base64Data is the data of a payload as Temporal's own program shows it.
var base64Data = regexp.MustCompile(`"data": "([^"]*)"`)

// readByOthers has Temporal's own program show the job, without a codec server and with one, and longhaul without the key.
func readByOthers(t *testing.T, b *harness.Bench, at, keyed []string) {
	t.Helper()
	shown := func(job string, more ...string) string {
		args := append([]string{"workflow", "show", "--workflow-id", job, "--output", "json"}, append(at, more...)...)
		text := b.Start(harness.TemporalProgram, args...).Ended(0).Out()
		return base64Data.ReplaceAllStringFunc(text, func(data string) string {
			plain, err := base64.StdEncoding.DecodeString(base64Data.FindStringSubmatch(data)[1])
			harness.Must(t, err)
			return string(plain)
		})
	}
	if text := shown("job"); strings.Contains(text, marker) || !strings.Contains(text, "encryption-key-id") {
		t.Errorf("shown without a codec server: %s", text)
	}
	codec := b.Start(harness.LonghaulProgram, "codec-server", "--listen", "127.0.0.1:0", "--json", "--encryption-key-file", keyed[len(keyed)-1])
	b.Until("the codec server says where it is", func() bool { return strings.HasSuffix(codec.Out(), "\n") })
	endpoint := decode[struct{ Endpoint string }](t, codec.Out()).Endpoint
	if text := shown("job", "--codec-endpoint", endpoint); !strings.Contains(text, b.Path(marker+"/in")) || strings.Contains(text, "encryption-key-id") {
		t.Errorf("shown with a codec server: %s", text)
	}
	if text := shown("stopped", "--codec-endpoint", endpoint); !strings.Contains(text, whyShown) {
		t.Errorf("a failure, shown with a codec server: %s", text)
	}
	codec.Signal(syscall.SIGINT)
	codec.Ended(0)
	for _, c := range []struct {
		status        int
		command, want string
	}{
		{1, "result job", "job job: decrypt payload: it is encrypted with key"},
		{1, "result stopped", "and this program has no key"},
		{0, "status job", "and this program has no key (give the keys with --encryption-key-file"},
		{0, "list", "job"},
	} {
		if p := b.Start(harness.LonghaulProgram, append(strings.Fields(c.command), at...)...).Ended(c.status); !strings.Contains(p.Out()+p.Errs(), c.want) {
			t.Errorf("%s without the key: %s%s", c.command, p.Out(), p.Errs())
		}
	}
}

// TestAWorkerWithoutTheKeyLeavesAJobToOthers has workers without the key, or with another, take a job's work first: they say what is missing, the job waits, and one with the key, which
// is not the newest any more, completes it.
func TestAWorkerWithoutTheKeyLeavesAJobToOthers(t *testing.T) {
	const n = 200
	b := harness.New(t)
	b.Write("in", harness.Lines(n))
	newKey(b, "key")
	newKey(b, "other")
	newKey(b, "rotated", "key")
	run := []string{"in", "--output", "out", "--task", "echo", "--job", "job"}
	b.Longhaul(append(run, "--detach", "--encryption-key-file", "key")...).Ended(0)
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "and this program has no key (give the keys with --encryption-key-file"},
		{[]string{"--encryption-key-file", "other"}, "and this program has "},
	} {
		w := b.Worker(c.args...)
		w.Says(c.says)
		watch := b.Start(harness.LonghaulProgram, "watch", "job", "--progress", "plain", "--address", harness.Server.Address, "--namespace", b.Namespace, "--encryption-key-file", "key")
		watch.Says("waiting: the workers cannot go on with it: ")
		watch.Says(c.says)
		watch.Kill()
		w.Signal(syscall.SIGTERM)
		w.Ended(0)
	}
	d, err := b.Client.DescribeWorkflowExecution(context.Background(), "job", "")
	harness.Must(t, err)
	if s := d.GetWorkflowExecutionInfo().GetStatus(); s != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		t.Fatalf("the job is %s", s)
	}
	if p := b.Longhaul(run...).Ended(1); !strings.Contains(p.Errs(), "job job is running; read what it does: decrypt payload: it is encrypted with key") {
		t.Errorf("joined without the key: %s", p.Errs())
	}
	b.Worker("--only", "files", "--encryption-key-file", "rotated")
	io := b.Worker("--only", "io")
	p := b.Longhaul(append(run, "--encryption-key-file", "rotated")...)
	p.Says("waiting: ")
	p.Says("and this program has no key")
	io.Kill()
	b.Worker("--only", "io", "--encryption-key-file", "rotated")
	p.Ended(0)
	b.Same("out", harness.Lines(n))
}

// TestAnEncryptedJobIsSteeredAndTold goes through what workflow, chunks and commands say to each other in a job of many runs: updates, queries, signals, the memo, continuing as new.
func TestAnEncryptedJobIsSteeredAndTold(t *testing.T) {
	const n = 600
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(10*time.Millisecond))
	b.Write("in", harness.Lines(n))
	keys, err := codec.Parse(string(b.Read(filepath.Base(newKey(b, "key")))))
	harness.Must(t, err)
	o := client.Options{HostPort: harness.Server.Address, Namespace: b.Namespace, Logger: harness.Quiet{}}
	o.DataConverter, o.FailureConverter = keys.Converters()
	c, err := client.Dial(o)
	harness.Must(t, err)
	defer c.Close()
	b.Worker("--encryption-key-file", "key")
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: "job", TaskQueue: job.TaskQueue, Memo: map[string]any{job.MemoDetails: "of the **billing** team"},
	}, job.WorkflowType, job.Spec{
		Input: job.Paths{b.Path("in")}, Output: b.Path("out"), Concurrency: 8,
		Task:   job.Task{Name: "http", Args: []byte(`{"url":"` + tg.Template() + `"}`)},
		Tuning: job.Tuning{ActivitiesPerRun: 8, ChunkRecords: 10, Lanes: 2},
	})
	harness.Must(t, err)
	first := run.GetRunID()
	longhaul := func(args ...string) string {
		t.Helper()
		return b.Start(harness.LonghaulProgram, append(args, "--address", harness.Server.Address, "--namespace", b.Namespace, "--encryption-key-file", "key")...).Ended(0).Out()
	}
	var later string
	b.Until("a later run", func() bool {
		d, err := c.DescribeWorkflowExecution(t.Context(), "job", "")
		harness.Must(t, err)
		later = d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
		return later != first
	})
	longhaul("pause", "job")
	longhaul("set", "job", "--concurrency", "4")
	if s := decode[struct {
		Paused      bool
		Concurrency int
		Output      string
	}](t, longhaul("status", "job", "--json")); !s.Paused || s.Concurrency != 4 || s.Output != b.Path("out") {
		t.Errorf("status: %+v", s)
	}
	v, err := c.QueryWorkflow(t.Context(), "job", "", "__temporal_workflow_metadata")
	harness.Must(t, err)
	var told sdk.WorkflowMetadata
	harness.Must(t, v.Get(&told))
	if !strings.Contains(told.GetCurrentDetails(), "of the **billing** team") {
		t.Errorf("the page of a later run: %s", told.GetCurrentDetails())
	}
	longhaul("resume", "job")
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	harness.Must(t, run.Get(ctx, nil))
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)
}
