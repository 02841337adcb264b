package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/longhaul/longhaul/job"
)

// program is the command's surroundings, injected so that it runs in tests.
type program struct {
	stdout, stderr io.Writer
	// terminal says whether stderr is one.
	terminal bool
	// signals tells interrupts.
	signals <-chan os.Signal
}

func newProgram() *program {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return &program{stdout: os.Stdout, stderr: os.Stderr, terminal: term.IsTerminal(int(os.Stderr.Fd())), signals: signals}
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

// run is the program. It returns the exit status.
func run(p *program, args []string) int {
	root := p.rootCommand()
	root.SetArgs(args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(context.Background())
	switch {
	case err == nil, errors.Is(err, errSomeFailed), errors.Is(err, errInterrupted):
	case errors.Is(err, errUsage):
		fmt.Fprintf(p.stderr, "longhaul: %s\nTry longhaul --help.\n", strings.TrimPrefix(err.Error(), errUsage.Error()+": "))
	default:
		fmt.Fprintln(p.stderr, "longhaul:", err)
	}
	return exitStatus(err)
}

func (p *program) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "longhaul",
		Short: "A durable, concurrent, order-preserving map over inputs larger than memory",
		Long: `longhaul runs a slow task for each record of a file, many at once, and writes the results in the input's order.
It survives crashes: the same command goes on where the output stands.

` + exitHelp,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Errorf("unknown command %q", args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.AddCommand(p.runCommand(), p.verifyCommand())
	return root
}
