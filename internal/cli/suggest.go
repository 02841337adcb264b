package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagError makes an error of a flag one of usage, and suggests the flag that a mistyped one may have been.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return usage(err)
	}
	typed, best, distance := unknown.GetSpecifiedName(), "", 1+maxDistance
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		d := editDistance(typed, f.Name)
		if len(typed) > maxDistance && strings.HasPrefix(f.Name, typed) {
			d = min(d, maxDistance) // cut short
		}
		if d < distance && d < len(typed) {
			best, distance = f.Name, d
		}
	})
	if best == "" {
		return usage(err)
	}
	return usage(fmt.Errorf("%w; did you mean --%s?", err, best))
}

// maxDistance is how many letters a mistyped word may differ from what was meant.
const maxDistance = 2

// editDistance is how many letters must be put in, taken out, replaced, or exchanged with their neighbour, to make one word the other.
func editDistance(a, b string) int {
	var before, last, row []int
	for i := range len(a) + 1 {
		before, last, row = last, row, make([]int, len(b)+1)
		for j := range row {
			switch {
			case i == 0:
				row[j] = j
				continue
			case j == 0:
				row[j] = i
				continue
			}
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// unknownCommand refuses a word that is no command, and suggests the one that it may have been.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	t := fmt.Sprintf("unknown command %q", args[0])
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		t += "; did you mean " + strings.Join(s, " or ") + "?"
	}
	return usage(errors.New(t))
}
