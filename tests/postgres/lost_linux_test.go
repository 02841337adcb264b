package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestTheDatabaseIsLost kills everything in the middle of a job, or after its end, and puts in the database's place a copy that was made earlier, or none.
// The same command goes on either way, and the output is what a sequential run would have written.
func TestTheDatabaseIsLost(t *testing.T) {
	if *programs == "" {
		t.Skip("make e2e-postgres runs this: it takes a Temporal server and PostgreSQL")
	}
	const records = 6_000
	for name, c := range map[string]struct{ copied, ended bool }{
		"in the middle":               {},
		"in the middle, with a copy":  {copied: true},
		"after the end, with a copy":  {copied: true, ended: true},
		"after the end, with nothing": {ended: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newTopology(t)
			target := harness.NewTarget(t, harness.Fixed(latency/2))
			f.Write("in", harness.Lines(records))
			f.starter = []string{"run", "in", "--output", "out", "--job", "lost", "--http", target.Template(), "--concurrency", strconv.Itoa(concurrency), "--progress", "plain"}
			f.up("postgresql", "schema", "temporal", "namespace", "worker 1", "worker 2", "starter")
			asked := func(n int) {
				f.Until(fmt.Sprintf("%d requests", n), func() bool { got, _, _ := target.Counts(); return got >= n })
			}
			asked(records / 3)
			var dump []byte
			if c.copied {
				dump = f.psql(nil, "pg_dumpall")
			}
			if asked(records * 2 / 3); c.ended {
				f.running["starter"].Ended(0)
			}
			before, _, _ := target.Counts()
			f.kill("postgresql", "temporal", "worker 1", "worker 2", "starter")
			harness.Must(t, os.RemoveAll(f.Path("postgresql")))
			f.makeCluster()
			f.up("postgresql")
			if c.copied {
				f.psql(dump, "psql", "--quiet", "--dbname", "postgres")
			}
			begun := time.Now()
			f.up("schema", "temporal", "namespace", "worker 1", "worker 2", "starter")
			if p := f.running["starter"]; p.Wait() != 0 {
				t.Fatalf("exit %d: %s", p.Cmd.ProcessState.ExitCode(), p.Errs())
			}
			f.Same("out", harness.Oracle(records))
			f.Tidy("out")
			f.Verify("out").Ended(0)
			requests, _, _ := target.Counts()
			t.Logf("lost after %d requests; done %s after the database was back; %d tasks ran again", before, time.Since(begun).Round(100*time.Millisecond), requests-records)
			if most := map[bool]int{false: concurrency}[c.ended]; requests-records > most {
				t.Errorf("%d tasks ran again, where no more than %d were in flight", requests-records, most)
			}
			f.drain()
		})
	}
}

// psql runs a client of PostgreSQL's as the topology's superuser and returns what it prints.
func (f *topology) psql(stdin []byte, program string, args ...string) []byte {
	f.T.Helper()
	cmd := exec.Command(f.bin+"/"+program, append(args, "--host", "127.0.0.1", "--port", f.ports["SQL_PORT"], "--username", f.setting("postgresql", "POSTGRES_USER"))...)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+f.password)
	cmd.Stdin = strings.NewReader(string(stdin))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		f.T.Fatalf("%s: %v\n%s", cmd, err, stderr.String())
	}
	return out
}
