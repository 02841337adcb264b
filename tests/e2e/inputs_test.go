package e2e

import (
	"bytes"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestInputs runs echo over inputs that break line-by-line programs: each output is right to the byte.
func TestInputs(t *testing.T) {
	long := strings.Repeat("x", 20<<20)
	for name, c := range map[string]struct{ input, want string }{
		"empty file":                 {"", ""},
		"one record without newline": {"alone", "alone\n"},
		"CRLF":                       {"a\r\nb\r\nc\r\n", "a\nb\nc\n"},
		"CRLF and LF mixed":          {"a\r\nb\nc", "a\nb\nc\n"},
		"empty lines are records":    {"\n\na\n\n", "\n\na\n\n"},
		"only an empty line":         {"\n", "\n"},
		"a line of 20 MiB":           {"short\n" + long + "\nshort\n", "short\n" + long + "\nshort\n"},
		"invalid UTF-8":              {"\xff\xfe\n\x80abc\n", "\xff\xfe\n\x80abc\n"},
		"NUL bytes":                  {"a\x00b\n\x00\n", "a\x00b\n\x00\n"},
		"carriage returns within":    {"a\rb\n\r\r\n", "a\rb\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := harness.New(t)
			b.Worker()
			b.Write("in", []byte(c.input))
			b.Longhaul("in", "--output", "out", "--task", "echo").Ended(0)
			b.Same("out", []byte(c.want))
			b.Tidy("out")
		})
	}
}

func TestAMillionLines(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	want := harness.Lines(1_000_000)
	b.Write("in", want)
	b.Longhaul("in", "--output", "out", "--task", "echo").Ended(0)
	b.Same("out", want)
	b.Tidy("out")
}

// TestCommandsKeepTheOrder runs a real command a record.
func TestCommandsKeepTheOrder(t *testing.T) {
	b := harness.New(t)
	b.Worker()
	b.Write("in", harness.Lines(300))
	b.Longhaul("in", "--output", "args", "--concurrency", "8", "--", "echo", "got {} and {}").Ended(0)
	b.Longhaul("in", "--output", "stdin", "--concurrency", "8", "--", "tr", "1", "x").Ended(0)
	var args bytes.Buffer
	for _, l := range strings.Fields(string(harness.Lines(300))) {
		args.WriteString("got " + l + " and " + l + "\n")
	}
	b.Same("args", args.Bytes())
	b.Same("stdin", bytes.ReplaceAll(harness.Lines(300), []byte{'1'}, []byte{'x'}))
}
