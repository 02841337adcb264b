package e2e

import (
	"bytes"
	"strings"
	"testing"
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
			b := newBench(t)
			b.worker()
			b.write("in", []byte(c.input))
			b.longhaul("in", "--output", "out", "--task", "echo").ended(0)
			b.same("out", []byte(c.want))
			b.tidy("out")
		})
	}
}

func TestAMillionLines(t *testing.T) {
	b := newBench(t)
	b.worker()
	want := lines(1_000_000)
	b.write("in", want)
	b.longhaul("in", "--output", "out", "--task", "echo").ended(0)
	b.same("out", want)
	b.tidy("out")
}

// TestCommandsKeepTheOrder runs a real command a record.
func TestCommandsKeepTheOrder(t *testing.T) {
	b := newBench(t)
	b.worker()
	b.write("in", lines(300))
	b.longhaul("in", "--output", "args", "--concurrency", "8", "--", "echo", "got {} and {}").ended(0)
	b.longhaul("in", "--output", "stdin", "--concurrency", "8", "--", "tr", "1", "x").ended(0)
	var args bytes.Buffer
	for _, l := range strings.Fields(string(lines(300))) {
		args.WriteString("got " + l + " and " + l + "\n")
	}
	b.same("args", args.Bytes())
	b.same("stdin", bytes.ReplaceAll(lines(300), []byte{'1'}, []byte{'x'}))
}
