package cli

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/longhaul/longhaul/job"
)

// completionTimeout bounds what a press of the tabulator key waits for a server.
const completionTimeout = 2 * time.Second

// completionJobs is how many jobs are offered.
const completionJobs = 50

// completeJobs offers JOBs: the outputs below what is typed, and the jobs on the server.
func (p *Program) completeJobs(o *placeOptions) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		words, _ := completeOutputs(cmd, args, typed)
		ctx, cancel := context.WithTimeout(context.Background(), completionTimeout)
		defer cancel()
		e, err := p.server(ctx, o)
		if err == nil {
			defer e.close()
			jobs, _ := e.list(ctx, false, completionJobs) // without them the outputs are offered
			for _, f := range jobs {
				if strings.HasPrefix(f.id, typed) {
					words = append(words, cobra.CompletionWithDesc(f.id, states[f.status]))
				}
			}
		}
		return words, cobra.ShellCompDirectiveDefault
	}
}

// completeOutputs offers the outputs below what is typed.
func completeOutputs(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	manifests, _ := filepath.Glob(globEscape.Replace(typed) + "*.longhaul/manifest") // a bad pattern has none
	for _, m := range manifests {
		words = append(words, strings.TrimSuffix(filepath.Dir(m), ".longhaul"))
	}
	return words, cobra.ShellCompDirectiveDefault
}

var globEscape = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// flagValues are the values that flags of these names have, whatever the command.
func (p *Program) flagValues() map[string][]string {
	return map[string][]string{
		"progress":     {"auto", "bar", "plain", "json", "none"},
		"format":       {string(job.FormatText), string(job.FormatJSON), string(job.FormatRecord)},
		"order":        {string(job.OrderInput), string(job.OrderCompletion)},
		"input-format": {string(job.InputLines), string(job.InputNUL), string(job.InputCSV), string(job.InputTSV), string(job.InputJSONL)},
		"task":         slices.Sorted(maps.Keys(p.Tasks)),
		"pipe":         {"lines", "async"},
		"method":       {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		"only":         {"files", "io"},
		"log-level":    {"debug", "info", "warn", "error"},
		"log-format":   {"text", "json"},
	}
}

// complete has the shell complete the values of the flags of a command and those below it.
func (p *Program) complete(cmd *cobra.Command) {
	values := p.flagValues()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch words, known := values[f.Name]; {
		case known:
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
		case f.Name == "state-dir":
			_ = cmd.MarkFlagDirname(f.Name)
		case f.Value.Type() == "bool", strings.HasSuffix(f.Name, "-path"), slices.Contains(fileFlags, f.Name):
		default:
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions)
		}
	})
	for _, c := range cmd.Commands() {
		p.complete(c)
	}
}

// fileFlags are the flags whose values are files, beside those that end with -path.
var fileFlags = []string{"output", "config-file", "cacert", "cert", "key", "data"}

// completionCommand gives cobra's command for completion its examples, and examples to those below it.
func (p *Program) completionCommand(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	i := slices.IndexFunc(root.Commands(), func(c *cobra.Command) bool { return c.Name() == "completion" })
	cmd := root.Commands()[i]
	cmd.Short = "Print a script by which a shell completes commands, flags, their values and JOBs"
	cmd.Example = p.examples("  source <(longhaul completion bash)")
	for _, shell := range cmd.Commands() {
		shell.Example = p.examples("  longhaul completion " + shell.Name() + " > " + shell.Name() + "-completion")
	}
}
