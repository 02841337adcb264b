package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/longhaul/longhaul/output"
)

// versionReport is what version --json prints.
type versionReport struct {
	Version string `json:"version"`
	// Revision is the commit that it was built from, where that is known; Modified says that the tree had changes.
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	SDK      string `json:"temporalSDK"`
	System   string `json:"system"`
	// Manifest is the version of the manifest that it writes, and the only one that it reads.
	Manifest int `json:"manifestVersion"`
}

func (p *Program) versionCommand() *cobra.Command {
	var json bool
	cmd := &cobra.Command{
		Use:     "version [flags]",
		Short:   "Print which build this is",
		Long:    "Print which build this is.\n\nExit status: 0 printed; 2 usage.",
		Example: p.examples("  longhaul version\n  longhaul version --json"),
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			v := version()
			if json {
				return p.printJSON(v)
			}
			fmt.Fprintf(p.Stdout, "%s %s\n%s, Temporal SDK %s, %s, manifests of version %d\n", p.Name, v, v.Go, v.SDK, v.System, v.Manifest)
			return nil
		},
	}
	cmd.Flags().BoolVar(&json, "json", false, "print one JSON object")
	return cmd
}

// String is the version in a word or two.
func (v versionReport) String() string {
	t := v.Version
	if v.Revision != "" && !strings.Contains(t, v.Revision[:min(12, len(v.Revision))]) {
		t += " (" + v.Revision[:min(12, len(v.Revision))]
		if v.Modified {
			t += ", modified"
		}
		t += ")"
	}
	return t
}

func version() versionReport {
	v := versionReport{Version: "unknown", Go: runtime.Version(), SDK: "unknown", System: runtime.GOOS + "/" + runtime.GOARCH, Manifest: output.Version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	modules := append([]*debug.Module{&info.Main}, info.Deps...) // in a program of one's own longhaul is among the dependencies
	for _, m := range modules {
		switch m.Path {
		case "github.com/longhaul/longhaul":
			v.Version = cmp.Or(m.Version, v.Version)
		case "go.temporal.io/sdk":
			v.SDK = m.Version
		}
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
