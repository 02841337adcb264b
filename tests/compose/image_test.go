package compose

import (
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestTheImagesProgramsAreStatic runs the Dockerfile's own go build commands, and holds docker-compose.yml and the Dockerfile to what came of them.
func TestTheImagesProgramsAreStatic(t *testing.T) {
	out := t.TempDir()
	dockerfile := read(t, "Dockerfile")
	commands := regexp.MustCompile(`CGO_ENABLED=0 go (build [^&\\\n]+)`).FindAllStringSubmatch(dockerfile, -1)
	if len(commands) != 2 {
		t.Fatalf("the Dockerfile builds %d programs", len(commands))
	}
	for _, c := range commands {
		text := strings.NewReplacer("/out/", out+"/", `"-s -w"`, "-s\x00-w").Replace(c[1])
		args := strings.Fields(text)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "\x00", " ")
		}
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0")
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, b)
		}
	}
	for _, name := range []string{"longhaul", "longhaul-worker"} {
		f, err := elf.Open(filepath.Join(out, name))
		harness.Must(t, err)
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				t.Errorf("%s is not static", name)
			}
		}
		f.Close()
		if !strings.Contains(dockerfile, "/out/"+name+" ") {
			t.Errorf("the Dockerfile does not copy %s", name)
		}
	}
	t.Run("variables", func(t *testing.T) { variablesAreKnown(t, filepath.Join(out, "longhaul-worker")) })
	t.Run("health", func(t *testing.T) { healthIsAsked(t, filepath.Join(out, "longhaul-worker"), dockerfile) })
}

// variablesAreKnown compares what the worker's service sets with what the program's help names.
func variablesAreKnown(t *testing.T, worker string) {
	help, err := exec.Command(worker, "--help").Output()
	harness.Must(t, err)
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`by ((?:LONGHAUL|TEMPORAL)_[A-Z_]+)`).FindAllStringSubmatch(string(help), -1) {
		known[m[1]] = true
	}
	if len(known) < 20 {
		t.Fatalf("the help names %d variables", len(known))
	}
	p := harness.Compose(t, password)
	for _, name := range []string{"worker", "longhaul"} {
		for v := range harness.Variables(service(t, p, name)) {
			if !known[v] {
				t.Errorf("%s: longhaul-worker knows no %s", name, v)
			}
		}
	}
}

// healthIsAsked runs the health check's command with the image's and the service's environment: nobody answers there, which it says.
func healthIsAsked(t *testing.T, worker, dockerfile string) {
	s := service(t, harness.Compose(t, password), "worker")
	if got := s.HealthCheck.Test; !slices.Equal(got, []string{"CMD", "/usr/local/bin/longhaul-worker", "health"}) {
		t.Errorf("the worker's health check is %q", got)
	}
	inImage := regexp.MustCompile(`LONGHAUL_HEALTH=(\S+)`).FindStringSubmatch(dockerfile)[1]
	if address := harness.Variables(s)["LONGHAUL_HEALTH"]; address != inImage {
		t.Errorf("the worker answers at %s, and the image asks at %s", address, inImage)
	}
	if !strings.Contains(dockerfile, `HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/local/bin/longhaul-worker", "health"]`) {
		t.Error("the image asks otherwise than the service")
	}
	cmd := exec.Command(worker, "health")
	cmd.Env = []string{"LONGHAUL_HEALTH=127.0.0.1:1"}
	b, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(b), "ask the worker: ") {
		t.Errorf("%v: %s", err, b)
	}
}

// TestTheContextHoldsWhatIsBuilt compares .dockerignore with the files that the programs are built of.
func TestTheContextHoldsWhatIsBuilt(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", ".dockerignore"))
	harness.Must(t, err)
	defer f.Close()
	patterns, err := ignorefile.ReadAll(f)
	harness.Must(t, err)
	ignored, err := patternmatcher.New(patterns)
	harness.Must(t, err)
	leftOut := func(path string) bool {
		out, err := ignored.MatchesOrParentMatches(path)
		harness.Must(t, err)
		return out
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	harness.Must(t, err)
	cmd := exec.Command("go", "list", "-deps", "-json=Dir,Standard,Module,GoFiles,EmbedFiles", "./starter", "./worker")
	cmd.Dir = root
	b, err := cmd.Output()
	harness.Must(t, err)
	files := []string{"go.mod", "go.sum"}
	for dec := json.NewDecoder(strings.NewReader(string(b))); ; {
		var p struct {
			Dir                 string
			Module              *struct{ Main bool }
			GoFiles, EmbedFiles []string
		}
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		harness.Must(t, err)
		if p.Module == nil || !p.Module.Main {
			continue
		}
		dir, err := filepath.Rel(root, p.Dir)
		harness.Must(t, err)
		for _, name := range append(p.GoFiles, p.EmbedFiles...) {
			files = append(files, filepath.Join(dir, name))
		}
	}
	if len(files) < 100 {
		t.Fatalf("the programs are built of %d files", len(files))
	}
	for _, path := range files {
		if leftOut(path) {
			t.Errorf("%s is built, and not in the image's context", path)
		}
	}
	for _, path := range []string{".env", ".git", "data/in.txt", "bin/longhaul", "docs/spec.md", "tests/compose/image_test.go"} {
		if !leftOut(path) {
			t.Errorf("%s is in the image's context", path)
		}
	}
}
