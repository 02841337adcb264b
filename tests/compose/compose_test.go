package compose

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/longhaul/longhaul/tests/harness"
)

const password = "POSTGRES_PASSWORD=a-password-that-only-this-test-knows"

// oneShot is the services that end.
var oneShot = []string{"schema", "namespace", "longhaul"}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", path))
	harness.Must(t, err)
	return string(b)
}

func service(t *testing.T, p *types.Project, name string) types.ServiceConfig {
	t.Helper()
	s, err := p.GetService(name)
	harness.Must(t, err)
	return s
}

func TestServicesWaitForWhatTheyNeed(t *testing.T) {
	p := harness.Compose(t, password)
	want := map[string]map[string]string{
		"postgresql": {},
		"schema":     {"postgresql": types.ServiceConditionHealthy},
		"temporal":   {"postgresql": types.ServiceConditionHealthy, "schema": types.ServiceConditionCompletedSuccessfully},
		"namespace":  {"temporal": types.ServiceConditionHealthy},
		"ui":         {"temporal": types.ServiceConditionHealthy},
		"worker":     {"temporal": types.ServiceConditionHealthy, "namespace": types.ServiceConditionCompletedSuccessfully},
		"longhaul":   {"worker": types.ServiceConditionHealthy},
		"prometheus": {},
		"grafana":    {"prometheus": types.ServiceConditionHealthy},
	}
	if len(p.Services) != len(want) {
		t.Errorf("services: %v", p.ServiceNames())
	}
	for name, needs := range want {
		s := service(t, p, name)
		if len(s.DependsOn) != len(needs) {
			t.Errorf("%s waits for %v", name, s.GetDependencies())
		}
		for other, condition := range needs {
			if got := s.DependsOn[other].Condition; got != condition {
				t.Errorf("%s waits for %s: %q, want %q", name, other, got, condition)
			}
			healthy := service(t, p, other).HealthCheck
			if condition == types.ServiceConditionHealthy && (healthy == nil || healthy.Disable) {
				t.Errorf("%s waits for the health of %s, which has no health check", name, other)
			}
		}
	}
	for name, profiles := range map[string][]string{"longhaul": {"run"}, "prometheus": {"monitoring"}, "grafana": {"monitoring"}, "worker": nil, "temporal": nil} {
		if got := service(t, p, name).Profiles; !slices.Equal(got, profiles) {
			t.Errorf("%s is in the profiles %v, want %v", name, got, profiles)
		}
	}
}

// pinned is a tag with a version of two or three numbers, and what else there may be.
var pinned = regexp.MustCompile(`^[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?$`)

func TestImagesArePinned(t *testing.T) {
	p := harness.Compose(t, password)
	for name, s := range p.Services {
		if s.Build != nil {
			continue
		}
		if !pinned.MatchString(s.Image) {
			t.Errorf("%s: the image %s has no exact version", name, s.Image)
		}
	}
	dockerfile := read(t, "Dockerfile")
	for _, m := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(dockerfile, -1) {
		if m[1] != "${RUNTIME}" && !pinned.MatchString(m[1]) {
			t.Errorf("Dockerfile: the image %s has no exact version", m[1])
		}
	}
	if !strings.Contains(dockerfile, "\nARG RUNTIME=scratch\n") {
		t.Error("Dockerfile: the image is built on something by itself")
	}
	version := regexp.MustCompile(`(?m)^go (\S+)`).FindStringSubmatch(read(t, "go.mod"))[1]
	if !strings.Contains(dockerfile, "FROM golang:"+version+" AS build\n") {
		t.Errorf("Dockerfile: built with another Go than go.mod's %s", version)
	}
}

// TestTheImagesAreTheVersionsThatAreTested holds them to what make e2e-postgres runs.
func TestTheImagesAreTheVersionsThatAreTested(t *testing.T) {
	p := harness.Compose(t, password)
	makefile := read(t, "Makefile")
	version := func(name string) string {
		m := regexp.MustCompile(`(?m)^` + name + ` *:= *v?(\S+)$`).FindStringSubmatch(makefile)
		if m == nil {
			t.Fatalf("Makefile: no %s", name)
		}
		return m[1]
	}
	server := version("TEMPORAL_SERVER_VERSION")
	for name, prefix := range map[string]string{
		"temporal": "temporalio/server:" + server, "schema": "temporalio/admin-tools:" + server + "-", "namespace": "temporalio/admin-tools:" + server + "-",
		"ui": "temporalio/ui:" + version("TEMPORAL_UI_VERSION"), "postgresql": "postgres:" + version("POSTGRESQL_MAJOR") + ".",
	} {
		if got := service(t, p, name).Image; !strings.HasPrefix(got, prefix) {
			t.Errorf("%s is %s, want %s…", name, got, prefix)
		}
	}
}

func TestOnlyPortsOfTheMachineItselfArePublished(t *testing.T) {
	p := harness.Compose(t, password)
	published := 0
	for name, s := range p.Services {
		for _, port := range s.Ports {
			published++
			if ip := net.ParseIP(port.HostIP); !ip.IsLoopback() {
				t.Errorf("%s publishes %s on %q", name, port.Published, port.HostIP)
			}
		}
		if s.NetworkMode != "" || s.Privileged {
			t.Errorf("%s: network %q, privileged %t", name, s.NetworkMode, s.Privileged)
		}
	}
	if published != 4 {
		t.Errorf("%d ports are published", published)
	}
	if w := service(t, p, "worker"); w.ContainerName != "" || len(w.Ports) > 0 {
		t.Error("the worker has a name or a port of its own: there could be one only")
	}
	if !p.Networks["database"].Internal {
		t.Error("the database's network leads outside")
	}
	for name, s := range p.Services {
		_, reaches := s.Networks["database"]
		if may := slices.Contains([]string{"postgresql", "schema", "temporal"}, name); reaches != may {
			t.Errorf("%s reaches the database: %t", name, reaches)
		}
	}
}

// TestNoSecretStandsInTheFile gives the only one there is, and finds it where it is needed and nowhere else.
func TestNoSecretStandsInTheFile(t *testing.T) {
	if _, err := harness.LoadCompose(); err == nil || !strings.Contains(err.Error(), "POSTGRES_PASSWORD") || !strings.Contains(err.Error(), "set it in the file .env") {
		t.Errorf("without a password: %v", err)
	}
	if _, err := harness.LoadCompose("POSTGRES_PASSWORD="); err == nil {
		t.Error("an empty password is taken")
	}
	_, secret, _ := strings.Cut(password, "=")
	sounds := regexp.MustCompile(`(?i)passw|secret|token|_key|credential`)
	var told []string
	for name, s := range harness.Compose(t, password).Services {
		for k, v := range harness.Variables(s) {
			switch {
			case v == secret:
				told = append(told, name+" "+k)
			case sounds.MatchString(k) && v != "true":
				t.Errorf("%s: %s=%q", name, k, v)
			}
		}
		s.Environment = nil
		b, err := json.Marshal(s)
		harness.Must(t, err)
		if strings.Contains(string(b), secret) {
			t.Errorf("%s: the password stands outside of its environment: %s", name, b)
		}
	}
	slices.Sort(told)
	if want := []string{"postgresql POSTGRES_PASSWORD", "schema SQL_PASSWORD", "temporal SQL_PASSWORD"}; !slices.Equal(told, want) {
		t.Errorf("told the password: %v", told)
	}
	if !strings.Contains(read(t, ".env.example"), "\nPOSTGRES_PASSWORD=\n") {
		t.Error(".env.example sets a password")
	}
	if ignored := read(t, ".gitignore"); !strings.Contains(ignored, "\n/.env\n") || !strings.Contains(ignored, "\n/data/\n") {
		t.Error(".env and data can be committed")
	}
}

// TestWhatTheFileAsksForIsExplained holds .env.example to the variables of docker-compose.yml.
func TestWhatTheFileAsksForIsExplained(t *testing.T) {
	names := func(text, pattern string) (all []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			all = append(all, m[1])
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	asked, explained := names(read(t, "docker-compose.yml"), `\$\{([A-Z_]+)`), names(read(t, ".env.example"), `(?m)^([A-Z_]+)=`)
	if !slices.Equal(asked, explained) {
		t.Errorf("docker-compose.yml asks for %v, .env.example explains %v", asked, explained)
	}
}

func TestServicesHaveNoMoreRightsThanTheyNeed(t *testing.T) {
	for name, s := range harness.Compose(t, password).Services {
		if !s.ReadOnly {
			t.Errorf("%s: its root file system can be written", name)
		}
		if !slices.Equal(s.CapDrop, []string{"ALL"}) && name != "postgresql" { // which begins as root, and takes its folder over
			t.Errorf("%s: capabilities dropped: %v", name, s.CapDrop)
		}
		if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s may gain privileges", name)
		}
		restart, health := "unless-stopped", true
		if slices.Contains(oneShot, name) {
			restart, health = "no", false
		}
		if s.Restart != restart {
			t.Errorf("%s: restart %q, want %q", name, s.Restart, restart)
		}
		if has := s.HealthCheck != nil && !s.HealthCheck.Disable; has != health {
			t.Errorf("%s has a health check: %t", name, has)
		}
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind || v.Target == "/data" {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
				t.Errorf("%s: %s: read-only %t, %v", name, v.Source, v.ReadOnly, err)
			}
		}
	}
}

// TestTheDataFolderIsShared has workers and starter see the same files, by the same user, in a folder that Docker does not make as root's.
func TestTheDataFolderIsShared(t *testing.T) {
	p := harness.Compose(t, password, "LONGHAUL_DATA=/srv/files", "LONGHAUL_UID=123", "LONGHAUL_GID=456")
	for _, name := range []string{"worker", "longhaul"} {
		s := service(t, p, name)
		if len(s.Volumes) != 1 || s.Volumes[0].Source != "/srv/files" || s.Volumes[0].Target != "/data" || s.Volumes[0].ReadOnly {
			t.Fatalf("%s: volumes %+v", name, s.Volumes)
		}
		if b := s.Volumes[0].Bind; b == nil || bool(b.CreateHostPath) {
			t.Errorf("%s: a folder that is missing is made", name)
		}
		if s.User != "123:456" {
			t.Errorf("%s runs as %s", name, s.User)
		}
	}
}

// TestAWorkerHasTimeToDrain leaves more than what it may take, and the 2 seconds that it keeps for telling how its activities ended.
func TestAWorkerHasTimeToDrain(t *testing.T) {
	w := service(t, harness.Compose(t, password), "worker")
	takes, err := time.ParseDuration(harness.Variables(w)["LONGHAUL_STOP_TIMEOUT"])
	harness.Must(t, err)
	if w.StopGracePeriod == nil || time.Duration(*w.StopGracePeriod) < takes+5*time.Second {
		t.Errorf("it may take %s, and is killed after %s", takes, w.StopGracePeriod)
	}
}
