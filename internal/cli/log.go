package cli

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// The environment's names for what flags of the worker say.
const (
	logLevelVariable  = "LONGHAUL_LOG_LEVEL"
	logFormatVariable = "LONGHAUL_LOG_FORMAT"
)

// logOptions is the flags about the log.
type logOptions struct{ level, format string }

func (o *logOptions) register(f *pflag.FlagSet, level slog.Level) {
	f.StringVar(&o.level, "log-level", cmp.Or(os.Getenv(logLevelVariable), strings.ToLower(level.String())), "`level` of the log: debug, info, warn or error (also by "+logLevelVariable+")")
	f.StringVar(&o.format, "log-format", cmp.Or(os.Getenv(logFormatVariable), "text"), "`format` of the log: text or json (also by "+logFormatVariable+")")
}

// check refuses flags that make no log.
func (o *logOptions) check() error {
	_, err := o.logger(io.Discard)
	return err
}

func (o *logOptions) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.level)); err != nil {
		return nil, usage(fmt.Errorf("--log-level %q: want debug, info, warn or error", o.level))
	}
	h := &slog.HandlerOptions{Level: level}
	switch o.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, h)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, h)), nil
	}
	return nil, usage(fmt.Errorf("--log-format %q: want text or json", o.format))
}
