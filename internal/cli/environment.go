package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/longhaul/longhaul/internal/dial"
)

// variable is the environment's name for a flag of the worker: Temporal's own where there is one, else LONGHAUL_ and the flag's.
func variable(flag string) string {
	if name := dial.Variable(flag); name != "" {
		return name
	}
	return "LONGHAUL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// tellVariables has the help of each flag name its variable.
func tellVariables(f *pflag.FlagSet) {
	f.VisitAll(func(flag *pflag.Flag) {
		if name := variable(flag.Name); !strings.Contains(flag.Usage, name) {
			flag.Usage += " (also by " + name + ")"
		}
	})
}

// fromEnvironment sets the flags that were not given to what the environment says; those that Temporal has names for are not its business. A
// variable that is empty says nothing. Where a flag may be given more than once, commas stand between the values.
func fromEnvironment(f *pflag.FlagSet) (err error) {
	f.VisitAll(func(flag *pflag.Flag) {
		name := variable(flag.Name)
		value := os.Getenv(name)
		if err != nil || flag.Changed || value == "" || flag.Name == "help" || dial.Variable(flag.Name) != "" {
			return
		}
		if list, many := flag.Value.(pflag.SliceValue); many {
			err, flag.Changed = list.Replace(strings.Split(value, ",")), true
		} else {
			err = f.Set(flag.Name, value)
		}
		if err != nil {
			err = usage(fmt.Errorf("%s=%q: %w", name, value, err))
		}
	})
	return err
}
