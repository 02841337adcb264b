package postgres

import (
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/longhaul/longhaul/tests/harness"
)

// topology is the services of docker-compose.yml as processes of this machine.
type topology struct {
	*harness.Bench
	project *types.Project
	// ports is the free port that stands for each of the topology's own.
	ports map[string]string
	// postgres is the user that the database runs as; nil where that is the tests' own.
	postgres *syscall.Credential
	// bin is the folder of PostgreSQL's programs.
	bin      string
	running  map[string]*harness.Process
	starter  []string
	password string
}

// newTopology makes the folder, finds the ports, and makes the database's cluster.
func newTopology(t *testing.T) *topology {
	t.Helper()
	dir, err := os.MkdirTemp("", "longhaul-postgres-") // the user postgres must get at it, as it must not at the test's own
	harness.Must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the folder is kept: %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	harness.Must(t, os.Chmod(dir, 0o755))
	f := &topology{Bench: harness.NewAlone(t), password: rand.Text(), ports: map[string]string{}, running: map[string]*harness.Process{}}
	f.Dir = dir
	f.project = harness.Compose(t, "POSTGRES_PASSWORD="+f.password)
	for _, name := range []string{
		"SQL_PORT", "FRONTEND_GRPC_PORT", "FRONTEND_HTTP_PORT", "FRONTEND_MEMBERSHIP_PORT", "HISTORY_GRPC_PORT", "HISTORY_MEMBERSHIP_PORT", "MATCHING_GRPC_PORT",
		"MATCHING_MEMBERSHIP_PORT", "WORKER_GRPC_PORT", "WORKER_MEMBERSHIP_PORT", "metrics", "ui", "worker 1", "worker 2",
	} {
		l := listen()
		defer l.Close()
		var err error
		_, f.ports[name], err = net.SplitHostPort(l.Addr().String())
		harness.Must(t, err)
	}
	f.makeCluster()
	return f
}

// listen takes a free port that is less than 2^15: the database's schema has no place for one that the system would choose.
func listen() net.Listener {
	for {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+mathrand.IntN(1<<15-10_000)))
		if err == nil {
			return l
		}
	}
}

// makeCluster makes the cluster of databases as the image's first start does.
func (f *topology) makeCluster() {
	f.T.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	harness.Must(f.T, err)
	if len(found) == 0 {
		f.T.Fatal("no PostgreSQL in /usr/lib/postgresql (make e2e-postgres installs it)")
	}
	f.bin = slices.MaxFunc(found, func(a, b string) int { return major(a) - major(b) })
	harness.Must(f.T, os.Mkdir(f.Path("postgresql"), 0o700))
	pw := f.Write("pw", []byte(f.password))
	if os.Geteuid() == 0 { // as whom it refuses to run
		u, err := user.Lookup("postgres")
		harness.Must(f.T, err)
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		f.postgres = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		for _, path := range []string{f.Path("postgresql"), pw} {
			harness.Must(f.T, os.Chown(path, int(uid), int(gid)))
		}
	}
	f.StartAs(f.postgres, f.bin+"/initdb", "--pgdata", f.Path("postgresql/data"), "--username", f.setting("postgresql", "POSTGRES_USER"),
		"--auth", "scram-sha-256", "--pwfile", pw, "--encoding", "UTF8", "--locale", "C.UTF-8").Ended(0)
	harness.Must(f.T, os.Remove(pw))
}

// major is the version in /usr/lib/postgresql/15/bin.
func major(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return n
}

// setting is what a service of docker-compose.yml finds in its environment.
func (f *topology) setting(service, name string) string { return f.environment(service)[name] }

func (f *topology) environment(service string) map[string]string {
	f.T.Helper()
	s, err := f.project.GetService(service)
	harness.Must(f.T, err)
	return harness.Variables(s)
}

// entrypoint is a service's, with the folder of the project where the container has it mounted.
func (f *topology) entrypoint(service string) []string {
	f.T.Helper()
	s, err := f.project.GetService(service)
	harness.Must(f.T, err)
	var args []string
	for _, a := range s.Entrypoint {
		for _, v := range s.Volumes {
			if rest, within := strings.CutPrefix(a, v.Target); within && (rest == "" || rest[0] == '/') {
				a = v.Source + rest
			}
		}
		args = append(args, a)
	}
	return args
}

// run starts a program with a service's environment, in which places are those of this machine.
func (f *topology) run(service string, places map[string]string, start func() *harness.Process) *harness.Process {
	f.T.Helper()
	env := f.environment(service)
	for name, value := range places {
		env[name] = value
	}
	f.Env = []string{"PATH=" + *programs + ":" + filepath.Dir(harness.TemporalProgram) + ":" + os.Getenv("PATH")}
	for name, value := range env {
		f.Env = append(f.Env, name+"="+value)
	}
	defer func() { f.Env = nil }()
	return start()
}

// local is an address of this machine by the name of its port.
func (f *topology) local(port string) string { return net.JoinHostPort("127.0.0.1", f.ports[port]) }

// database is where the database is, for those who ask for it.
func (f *topology) database() map[string]string {
	return map[string]string{"SQL_HOST": "127.0.0.1", "SQL_PORT": f.ports["SQL_PORT"]}
}

// start starts a service, without waiting for it.
func (f *topology) start(name string) {
	f.T.Helper()
	server := map[string]string{"TEMPORAL_ADDRESS": f.local("FRONTEND_GRPC_PORT")}
	var p *harness.Process
	switch name {
	case "postgresql":
		p = f.StartAs(f.postgres, f.bin+"/postgres", "-D", f.Path("postgresql/data"), "-h", "127.0.0.1", "-p", f.ports["SQL_PORT"], "-k", f.Path("postgresql"))
	case "schema":
		args := f.entrypoint("schema")
		p = f.run("schema", f.database(), func() *harness.Process { return f.Start(args[0], args[1:]...) })
	case "temporal":
		args := f.entrypoint("temporal")
		places := f.database()
		for name, port := range f.ports {
			places[name] = port
		}
		deploy := filepath.Dir(filepath.Dir(f.entrypoint("schema")[1]))
		places["BIND_ON_IP"], places["PROMETHEUS_ENDPOINT"] = "127.0.0.1", f.local("metrics")
		places["DYNAMIC_CONFIG_FILE_PATH"] = filepath.Join(deploy, "temporal", "dynamic.yaml")
		p = f.run("temporal", places, func() *harness.Process { return f.Start(filepath.Join(*programs, args[0]), args[1:]...) })
	case "namespace":
		args := f.entrypoint("namespace")
		p = f.run("namespace", server, func() *harness.Process { return f.Start(args[0], args[1:]...) })
	case "ui":
		server["TEMPORAL_UI_PORT"] = f.ports["ui"]
		p = f.run("ui", server, func() *harness.Process {
			return f.Start(filepath.Join(*programs, "temporal-ui"), "--root", f.Dir, "--config", "ui", "--env", "docker", "start")
		})
	case "worker 1", "worker 2":
		server["LONGHAUL_METRICS"], server["LONGHAUL_HEALTH"] = "127.0.0.1:0", f.local(name)
		server["LONGHAUL_ROOT"] = f.Dir
		p = f.run("worker", server, func() *harness.Process { return f.OnHost(strings.ReplaceAll(name, " ", "-"), harness.WorkerProgram) })
	case "starter":
		p = f.run("longhaul", server, func() *harness.Process { return f.Start(harness.LonghaulProgram, f.starter...) })
	}
	f.running[name] = p
}

// ready says whether a service does what those wait for who depend on it: its health check.
func (f *topology) ready(name string) bool {
	f.T.Helper()
	p := f.running[name]
	select {
	case <-p.Exited:
		if name == "starter" && p.Cmd.ProcessState.ExitCode() == 0 {
			return true
		}
		f.start(name) // as Docker does; PostgreSQL, while something is left of the one that was killed
		return false
	default:
	}
	switch name {
	case "postgresql":
		return exec.Command(f.bin+"/pg_isready", "--quiet", "--host", "127.0.0.1", "--port", f.ports["SQL_PORT"], "--username", "temporal").Run() == nil
	case "temporal":
		return exec.Command(harness.TemporalProgram, "operator", "cluster", "health", "--address", f.local("FRONTEND_GRPC_PORT")).Run() == nil
	case "ui":
		return f.answers("/healthz", "")
	case "worker 1", "worker 2":
		return exec.Command(harness.WorkerProgram, "health", "--health", f.local(name)).Run() == nil
	case "starter":
		return strings.Contains(p.Errs(), "joined") || strings.Contains(p.Errs(), "started")
	}
	return true
}

// answers says whether the Web UI answers a path, with that in the answer.
func (f *topology) answers(path, text string) bool {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := c.Get("http://" + f.local("ui") + path)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK && strings.Contains(string(b), text)
}

// up starts services one after the other, each when those before it are ready.
func (f *topology) up(names ...string) {
	f.T.Helper()
	for _, name := range names {
		f.start(name)
		if name == "schema" || name == "namespace" {
			f.running[name].Ended(0)
			continue
		}
		f.Until(name+" ready", func() bool { return f.ready(name) })
	}
}

// kill kills services as kill -9 does, all at once, and waits until they are gone.
func (f *topology) kill(names ...string) {
	for _, name := range names {
		f.running[name].Signal(syscall.SIGKILL)
	}
	for _, name := range names {
		f.running[name].Wait()
	}
}
