package task

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program makes an exec task of a command line.
func program(t *testing.T, command ...string) Task {
	t.Helper()
	return builtin(t, "exec", mustJSON(map[string]any{"command": command}))
}

func TestTheRecordTakesThePlaceOfBraces(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"as an argument":         {[]string{"{}"}, "<rec ord>"},
		"within one":             {[]string{"a{}b"}, "<arec ordb>"},
		"twice in one":           {[]string{"{}{}"}, "<rec ordrec ord>"},
		"in several":             {[]string{"{}", "x", "-{}"}, "<rec ord><x><-rec ord>"},
		"not in braces of JSON":  {[]string{"{}", "{ }", "{x}"}, "<rec ord><{ }><{x}>"},
		"not in two that follow": {[]string{"{", "}", "{}"}, "<{><}><rec ord>"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := do(t.Context(), program(t, append([]string{"printf", "<%s>"}, c.args...)...), "rec ord")
			wantValue(t, r, err, c.want)
		})
	}
}

// TestNoShellReadsTheRecord: a record is one argument, whatever is in it.
func TestNoShellReadsTheRecord(t *testing.T) {
	made := program(t, "printf", "%s", "{}")
	for _, record := range []string{"", " ", "$(touch x)", "`id`", "a; b", "*", `"'\`, "--help", "%s", "{}", "\xff\xfe", "a\rb", strings.Repeat("x", 100_000)} {
		r, err := do(t.Context(), made, record)
		wantValue(t, r, err, record)
	}
}

func TestWithoutBracesTheRecordComesByStdin(t *testing.T) {
	for name, c := range map[string]struct{ record, want string }{
		"with a newline":  {"rec", "rec\n"},
		"an empty one":    {"", "\n"},
		"NUL and all":     {"\x00\xff\r", "\x00\xff\r\n"},
		"more than pipes": {strings.Repeat("x", 1<<20), strings.Repeat("x", 1<<20) + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := do(t.Context(), program(t, "cat"), c.record)
			wantValue(t, r, err, c.want)
		})
	}
}

func TestTheRecordStaysAsItWas(t *testing.T) {
	// A record may be part of a larger buffer, whose next byte belongs to another.
	buffer := []byte("recORD")
	if _, err := program(t, "cat").Do(t.Context(), Record{Input: buffer[:3]}); err != nil {
		t.Fatal(err)
	}
	if string(buffer) != "recORD" {
		t.Errorf("the buffer became %q", buffer)
	}
}

func TestACommandNeedNotReadItsStdin(t *testing.T) {
	r, err := do(t.Context(), program(t, "echo", "ok"), strings.Repeat("x", 1<<20))
	wantValue(t, r, err, "ok\n")
}

func TestBracesThatMeetOverTwoArgumentsAreNone(t *testing.T) {
	r, err := do(t.Context(), program(t, "sh", "-c", `cat; printf %s "$1$2"`, "sh", "{", "}"), "rec")
	wantValue(t, r, err, "rec\n{}")
}

func TestBracesInTheProgramsNameAreNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "{}")
	if err := os.WriteFile(path, []byte("#!/bin/sh\ncat\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	r, err := do(t.Context(), program(t, path), "rec")
	wantValue(t, r, err, "rec\n")
}

func TestACommandIsToldItsRecord(t *testing.T) {
	t.Setenv("LONGHAUL_TEST", "inherited")
	r, err := do(t.Context(), program(t, "sh", "-c", `echo "$LONGHAUL_RECORD $LONGHAUL_IDEMPOTENCY_KEY $LONGHAUL_TEST"`), "x")
	wantValue(t, r, err, "7 job:7 inherited\n")
}

func TestExitStatusFailsTheRecord(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"with what it wrote to stderr": {"echo out; echo no such user >&2; exit 3", "command sh: exit status 3: no such user"},
		"in one line":                  {`printf 'a\n\n\t b\r\n' >&2; exit 1`, "command sh: exit status 1: a b"},
		"without a word":               {"exit 1", "command sh: exit status 1"},
		"that is not UTF-8":            {`printf 'a\377b' >&2; exit 1`, "command sh: exit status 1: a\uFFFDb"},
		"a signal":                     {"kill -TERM $$", "command sh: signal: terminated"},
		"only the end of a long stderr": {
			"head -c 100000 /dev/zero | tr '\\0' x >&2; echo ' end' >&2; exit 1",
			"command sh: exit status 1: " + strings.Repeat("x", tailBytes-len(" end\n")) + " end",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := do(t.Context(), program(t, "sh", "-c", c.script), "x")
			wantFailure(t, err, Retryable)
			if err.Error() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestTheTailBeginsWithAWholeCharacter(t *testing.T) {
	b := &tailBuffer{}
	b.Write([]byte(strings.Repeat("é", tailBytes*3/4) + "x")) // é is two bytes
	if got, want := b.String(), strings.Repeat("é", tailBytes/2-1)+"x"; got != want {
		t.Errorf("got %d bytes, %.10q...; want %d", len(got), got, len(want))
	}
}

func TestTheTailTakesLittleMemory(t *testing.T) {
	b := &tailBuffer{}
	for range 100 {
		b.Write(make([]byte, tailBytes))
	}
	if len(b.b) > 2*tailBytes {
		t.Errorf("it keeps %d bytes", len(b.b))
	}
}

func TestStderrIsNoPartOfTheResult(t *testing.T) {
	r, err := do(t.Context(), program(t, "sh", "-c", "echo warning >&2; echo ok"), "x")
	wantValue(t, r, err, "ok\n")
}

func TestCheckFindsAProgramThatIsMissing(t *testing.T) {
	here := filepath.Join(t.TempDir(), "not-executable")
	if err := os.WriteFile(here, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ program, want string }{
		"in no folder of PATH": {"longhaul-nowhere", `command "longhaul-nowhere": executable file not found in $PATH`},
		"by its path":          {"/nowhere/x", `command "/nowhere/x": stat /nowhere/x: no such file or directory`},
		"not executable":       {here, `command "` + here + `": permission denied`},
	} {
		t.Run(name, func(t *testing.T) {
			made := program(t, c.program, "{}")
			if err := made.(*command).Check(); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
			_, err := do(t.Context(), made, "x") // as on another worker than the one that checked
			wantFailure(t, err, Retryable, c.program)
		})
	}
	if err := program(t, "sh").(*command).Check(); err != nil {
		t.Errorf("of a program that is there: %v", err)
	}
}
