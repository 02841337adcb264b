// Package cli is the command line of longhaul: its commands, their flags, and how they end.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// Program is a command and its surroundings, injected so that it runs in tests.
type Program struct {
	// Name is what the user calls it by.
	Name string
	// Tasks is what it can run.
	Tasks task.Registry
	// Own says that some of the tasks are not longhaul's: no other program can run them.
	Own bool

	// Stdin is standard input, nil where that is a terminal.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal says whether Stderr is one.
	Terminal bool
	// Colour says whether to use colours on it.
	Colour bool
	// Browser is the command that opens a page; nil where there is no display.
	Browser []string
	// Signals tells interrupts.
	Signals <-chan os.Signal

	args []string // after its name
}

// Exit statuses: the one table of them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitSomeFailed  = 3
	exitInterrupted = 130
)

// exitHelp is that table in words, for each command's help.
const exitHelp = `Exit status:
  0    every record succeeded
  1    could not run, or gave up; the same command resumes
  2    usage
  3    finished, some records failed
  130  interrupted; the same command resumes`

var (
	errUsage       = errors.New("usage")
	errSomeFailed  = errors.New("some records failed")
	errInterrupted = errors.New("interrupted")
)

// exitStatus maps how a command ended to its exit status.
func exitStatus(err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errUsage), job.KindOf(err) == job.InvalidSpec:
		return exitUsage
	case errors.Is(err, errSomeFailed):
		return exitSomeFailed
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	}
	return exitFailed
}

// usage makes an error one of usage.
func usage(err error) error { return fmt.Errorf("%w: %w", errUsage, err) }

// Run runs the program longhaul. It returns the exit status.
func (p *Program) Run(args []string) int { return p.execute(p.rootCommand(), args) }

// RunWorker runs the program longhaul-worker. It returns the exit status.
func (p *Program) RunWorker(args []string) int { return p.execute(p.workerCommand(p.Name), args) }

func (p *Program) execute(cmd *cobra.Command, args []string) int {
	p.args = args
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetFlagErrorFunc(flagError)
	cmd.SetArgs(args)
	cmd.SetOut(p.Stdout)
	cmd.SetErr(p.Stderr)
	cmd, err := cmd.ExecuteContextC(context.Background())
	switch {
	case err == nil, errors.Is(err, errSomeFailed), errors.Is(err, errInterrupted):
	case errors.Is(err, errUsage):
		fmt.Fprintf(p.Stderr, "%s: %s\nTry %s --help.\n", p.Name, strings.TrimPrefix(err.Error(), errUsage.Error()+": "), cmd.CommandPath())
	default:
		fmt.Fprintf(p.Stderr, "%s: %v\n", p.Name, err)
	}
	return exitStatus(err)
}

// examples puts the program's name into the examples of a command's help.
func (p *Program) examples(text string) string {
	return strings.ReplaceAll(text, "longhaul ", p.Name+" ")
}

func (p *Program) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   p.Name,
		Short: "A durable, concurrent, order-preserving map over inputs larger than memory",
		Long: `longhaul runs a slow task for each record of a file, many at once, and writes the results in the input's order.
It survives crashes: the same command goes on where the output stands.

` + exitHelp,
		Example: p.examples(`  longhaul run ids.txt --output users.jsonl --http 'https://api.example.com/users/{{.}}' --concurrency 100
  longhaul status users.jsonl
  longhaul verify users.jsonl`),
		SuggestionsMinimumDistance: maxDistance,
		Args:                       unknownCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(p.runCommand(), p.listCommand(), p.statusCommand(), p.watchCommand(), p.pauseCommand(), p.resumeCommand(), p.setCommand(), p.cancelCommand(), p.resultCommand(), p.errorsCommand(), p.retryCommand(),
		p.verifyCommand(), p.uiCommand(), p.devCommand(), p.doctorCommand(), p.workerCommand("worker"), p.codecServerCommand(), p.versionCommand())
	root.SetOut(p.Stdout) // which cobra's command for completion takes note of now
	p.completionCommand(root)
	p.complete(root)
	return root
}
