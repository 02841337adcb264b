// Package tests checks what concerns the whole tree.
package tests

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/longhaul/longhaul/"

// root is the room of the package that other programs import.
const root = "longhaul"

// rooms is which of the other rooms each room may import. docs/architecture.md gives the reasons.
var rooms = map[string][]string{
	"job":        {},
	"slots":      {},
	"failures":   {},
	"input":      {"job", "internal/fsys", "internal/fault"},
	"task":       {"job", "internal/h1"},
	"shape":      {"job", "task"},
	"segment":    {"job", "internal/fsys", "internal/fault"},
	"output":     {"job", "internal/fsys", "internal/fault"},
	"activities": {"job", "input", "task", "shape", "segment", "output", "slots", "failures", "internal/fsys", "internal/fault", "internal/guard", "internal/metrics"},
	"workflows":  {"job"},

	"internal/fault":         {},
	"internal/fsys":          {"internal/fault"},
	"internal/h1":            {},
	"internal/codec":         {},
	"internal/dial":          {"internal/codec"},
	"internal/guard":         {"job", "internal/fsys"},
	"internal/devserver":     {"internal/fsys"},
	"internal/progress":      {},
	"internal/metrics":       {},
	"internal/health":        {},
	"internal/fsys/fsystest": {"internal/fsys"}, // for tests
	"internal/workers":       {"job", "task", "output", "activities", "workflows", "internal/guard", "internal/metrics"},

	"internal/trial": {"job", "input", "task", "activities", "internal/fsys"},

	"internal/cli": {"job", "task", "shape", "activities", "internal/trial", "output", "failures", "internal/fsys", "internal/guard", "internal/codec", "internal/dial", "internal/devserver", "internal/progress", "internal/workers", "internal/metrics", "internal/health"},

	root:      {"task", "internal/cli"},
	"worker":  {root},
	"starter": {root},

	"examples/go":      {root, "task"},
	"examples/slowapi": {},
}

// pure is what the packages that a workflow is made of may import of the standard library: nothing with a clock, a network or a disk
// that they could reach for. (time is there for durations; workflowcheck sees to time.Now.)
var pure = map[string][]string{
	"job": {
		"bytes", "cmp", "context", "crypto/sha256", "encoding/hex", "encoding/json", "errors", "fmt", "io", "math", "math/bits", "path/filepath", "reflect",
		"slices", "strconv", "strings", "time",
	},
	"workflows": {"cmp", "encoding/json", "errors", "fmt", "math", "slices", "strconv", "strings", "time", "go.temporal.io/sdk/converter", "go.temporal.io/sdk/temporal", "go.temporal.io/sdk/workflow"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

// roomOf names the room of an import path; none where it is not of this house.
func roomOf(importPath string) string {
	if importPath+"/" == module {
		return root
	}
	room, ours := strings.CutPrefix(importPath, module)
	if !ours {
		return ""
	}
	return room
}

func TestImportsRunOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		room := roomOf(p.ImportPath)
		if strings.HasPrefix(room, "tests") || strings.HasPrefix(room, "bench") {
			continue
		}
		seen++
		allowed, ok := rooms[room]
		if !ok {
			t.Errorf("%s is not in the house that docs/architecture.md draws", room)
			continue
		}
		for _, i := range p.Imports {
			own := roomOf(i)
			if own != "" && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s", room, own)
			}
			if only, strict := pure[room]; strict && own == "" && !slices.Contains(only, i) {
				t.Errorf("%s imports %s, which a workflow must not", room, i)
			}
		}
	}
	if seen != len(rooms) {
		t.Errorf("%d packages, %d rooms: %s", seen, len(rooms), path.Join(module, "..."))
	}
}
