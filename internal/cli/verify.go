package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/output"
)

func (p *Program) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify OUTPUT",
		Short: "Check an output against what was committed",
		Long: `Check OUTPUT, and the errors file beside it, against the manifest: their lengths, a line a record, and the SHA-256 of the committed bytes.
It needs no server, and may run beside the job.

Exit status: 0 all is right; 1 something differs, or could not be read; 2 usage.`,
		Example: p.examples(`  longhaul verify pages.jsonl`),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("want one OUTPUT"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return p.verify(cmd.Context(), args[0]) },
	}
}

func (p *Program) verify(ctx context.Context, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	v, err := output.At(fsys.OS, path).Verify(ctx)
	if err != nil {
		return err
	}
	state := "complete"
	if !v.Complete {
		state = "unfinished; the same command as before resumes it"
	}
	fmt.Fprintf(p.Stdout, "verified: %s records in %s, %s failed, sha256 %s\nthe job is %s\n",
		humanize.Comma(v.Answered()), humanize.IBytes(uint64(v.Position.OutputBytes)), humanize.Comma(v.Totals.Failed), v.OutputDigest.SHA256, state)
	if v.Uncommitted > 0 {
		fmt.Fprintf(p.Stdout, "%d bytes of an unfinished append stand behind them; the next run cuts or overwrites them\n", v.Uncommitted)
	}
	return nil
}
