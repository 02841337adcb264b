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
	var json bool
	cmd := &cobra.Command{
		Use:   "verify OUTPUT [flags]",
		Short: "Check an output against what was committed",
		Long: `Check OUTPUT, and the errors file beside it, against the manifest: their lengths, a line a record, and the SHA-256 of the committed bytes.
It needs no server, and may run beside the job.

Exit status: 0 all is right; 1 something differs, or could not be read; 2 usage.`,
		Example: p.examples(`  longhaul verify pages.jsonl
  longhaul verify pages.jsonl --json | jq -r .sha256`),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("want one OUTPUT"))
			}
			return nil
		},
		ValidArgsFunction: completeOutputs,
		RunE:              func(cmd *cobra.Command, args []string) error { return p.verify(cmd.Context(), args[0], json) },
	}
	cmd.Flags().BoolVar(&json, "json", false, "print one JSON object")
	return cmd
}

// verifyReport is what verify --json prints of an output that is right.
type verifyReport struct {
	Output string `json:"output"`
	// Records that have their line, Failed ones among them.
	Records  int64 `json:"records"`
	Failed   int64 `json:"failed"`
	Complete bool  `json:"complete"`
	// OutputBytes committed, and their SHA-256 in hex; UncommittedBytes stand behind them.
	OutputBytes      int64  `json:"outputBytes"`
	SHA256           string `json:"sha256"`
	UncommittedBytes int64  `json:"uncommittedBytes,omitempty"`
}

func (p *Program) verify(ctx context.Context, path string, json bool) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	v, err := output.At(fsys.OS, path).Verify(ctx)
	if err != nil {
		return err
	}
	if json {
		return p.printJSON(verifyReport{
			Output: path, Records: v.Answered(), Failed: v.Totals.Failed, Complete: v.Complete,
			OutputBytes: v.Position.OutputBytes, SHA256: v.OutputDigest.SHA256, UncommittedBytes: v.Uncommitted,
		})
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
