package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
)

// environment is where and with what was measured.
type environment struct {
	Machine string `json:"machine"`
	// Load is the load average over a minute before the first load was measured.
	Load     float64   `json:"load"`
	Versions []version `json:"versions"`
}

type version struct {
	Of string `json:"of"`
	Is string `json:"is"`
}

func environmentOf(ctx context.Context, o options) environment {
	e := environment{Machine: machine(o.dir), Load: loadAverage()}
	add := func(of, is string) {
		if is == "" {
			is = "not there"
		}
		e.Versions = append(e.Versions, version{of, is})
	}
	add("longhaul", revision(o.longhaul))
	add("Go", strings.TrimPrefix(runtime.Version(), "go"))
	add("Temporal Go SDK", dependency("go.temporal.io/sdk"))
	add("Temporal's server", serverVersion.FindString(firstLine(ctx, "temporal", "--version")))
	for _, t := range []struct {
		of   string
		says []string
	}{
		{"Python", []string{python, "--version"}},
		{"aiohttp", []string{python, "-c", "import aiohttp; print(aiohttp.__version__)"}},
		{"GNU parallel", []string{"parallel", "--version"}},
		{"curl", []string{"curl", "--version"}},
		{"wrk", []string{"wrk", "--version"}},
		{"nginx", []string{"nginx", "-v"}},
	} {
		add(t.of, anyVersion.FindString(firstLine(ctx, t.says[0], t.says[1:]...)))
	}
	return e
}

var (
	serverVersion = regexp.MustCompile(`[0-9.]+, UI [0-9.]+`)
	anyVersion    = regexp.MustCompile(`[0-9]+(\.[0-9]+)+|[0-9]{8}`) // or a date
)

// firstLine is the first line that a program says; empty where it cannot be run. Some exit with an error when asked for their version.
func firstLine(ctx context.Context, program string, args ...string) string {
	b, _ := exec.CommandContext(ctx, program, args...).CombinedOutput()
	first, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte{'\n'})
	return string(first)
}

// revision is the commit that a program was built from.
func revision(program string) string {
	i, err := buildinfo.ReadFile(program)
	if err != nil {
		return ""
	}
	rev, dirty := "of an unknown commit", ""
	for _, s := range i.Settings {
		switch {
		case s.Key == "vcs.revision":
			rev = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = ", with changes"
		}
	}
	return rev + dirty
}

func dependency(path string) string {
	i, _ := debug.ReadBuildInfo()
	if i == nil {
		return ""
	}
	for _, d := range i.Deps {
		if d.Path == path {
			return strings.TrimPrefix(d.Version, "v")
		}
	}
	return ""
}

// machine describes this machine as far as /proc does.
func machine(dir string) string {
	parts := []string{runtime.GOOS + " " + kernel() + ", " + strconv.Itoa(runtime.NumCPU()) + " cores"}
	if m := field("/proc/cpuinfo", "model name"); m != "" {
		parts = append(parts, m)
	}
	if kB, err := strconv.ParseUint(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		parts = append(parts, humanize.IBytes(kB<<10)+" of memory")
	}
	if fs := fileSystem(dir); fs != "" {
		parts = append(parts, "files on "+fs)
	}
	return strings.Join(parts, ", ")
}

func kernel() string {
	b, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(b))
}

// field is the value of the first line "name: value" of a file.
func field(path, name string) string {
	b, _ := os.ReadFile(path)
	for l := range strings.Lines(string(b)) {
		if k, v, found := strings.Cut(l, ":"); found && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// fileSystem is the type of the file system that a folder is on: that of the longest mount point above it.
func fileSystem(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	b, _ := os.ReadFile("/proc/self/mounts")
	longest, kind := -1, ""
	for l := range strings.Lines(string(b)) {
		f := strings.Fields(l)
		if len(f) < 3 {
			continue
		}
		if rel, err := filepath.Rel(f[1], dir); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") && len(f[1]) >= longest {
			longest, kind = len(f[1]), f[2]
		}
	}
	return kind
}

func loadAverage() float64 {
	b, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(b), " ")
	x, _ := strconv.ParseFloat(first, 64)
	return x
}
