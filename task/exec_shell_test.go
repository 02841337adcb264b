package task

import (
	"strings"
	"testing"
)

// shell makes an exec task of a text for the shell.
func shell(t *testing.T, text string) Task {
	t.Helper()
	return builtin(t, "exec", mustJSON(map[string]any{"shell": text}))
}

// TestNoRecordBecomesACommand: the text is the user's, the record is data, however it is used.
func TestNoRecordBecomesACommand(t *testing.T) {
	for _, text := range []string{`printf %s "$1"`, `printf %s "${1}"`, `printf %s "$@"`, `printf %s "$*"`, `head -c -1`} {
		made := shell(t, text)
		for _, record := range []string{"", " ", "$(touch x)", "`id`", "a; b", "*", `"'\`, "--help", "%s", "{}", "{#}", "\xff", "a\rb"} {
			r, err := do(t.Context(), made, record)
			wantValue(t, r, err, record)
		}
	}
}

func TestAShellHasItsSyntax(t *testing.T) {
	r, err := do(t.Context(), shell(t, `echo "{} {#} $LONGHAUL_RECORD" | tr a-z A-Z && cat`), "rec")
	wantValue(t, r, err, "{} {#} 7\nrec\n")
}

// TestALongRecordFitsTheShellsInput, though it fits no argument: it is none where the text uses none.
func TestALongRecordFitsTheShellsInput(t *testing.T) {
	r, err := do(t.Context(), shell(t, `wc -c`), strings.Repeat("x", 1<<20)+"\x00")
	wantValue(t, r, err, "1048578\n")
}

func TestTheNumberTakesThePlaceOfItsBraces(t *testing.T) {
	r, err := do(t.Context(), program(t, "echo", "{#}", "a{#}{}{#}"), "<{#}>")
	wantValue(t, r, err, "7 a7<{#}>7\n")
	r, err = do(t.Context(), program(t, "sh", "-c", "echo {#}; cat"), "rec")
	wantValue(t, r, err, "7\nrec\n")
}

func TestFatalExitStatuses(t *testing.T) {
	for record, want := range map[string]Class{
		"exit 1": Retryable, "exit 2": Permanent, "exit 3": Retryable, "exit 63": Retryable, "exit 64": Permanent, "exit 78": Permanent,
		"exit 79": Retryable, "exit 255": Permanent, "kill -9 $$": Retryable,
	} {
		made := builtin(t, "exec", mustJSON(map[string]any{"command": []string{"sh", "-c", "{}"}, "fatalExit": "2,64-78,255"}))
		_, err := do(t.Context(), made, record)
		wantFailure(t, err, want)
	}
}

func TestBadExecArguments(t *testing.T) {
	for name, c := range map[string]struct{ args, want string }{
		"both":            {`{"command":["a"],"shell":"b"}`, "choose one"},
		"neither":         {`{}`, "command: missing"},
		"NUL in a text":   {`{"shell":"a\u0000"}`, "NUL"},
		"no status":       {`{"shell":"a","fatalExit":"x"}`, `fatalExit: "x" is no exit status`},
		"success":         {`{"shell":"a","fatalExit":"0"}`, `"0" is no exit status`},
		"too large":       {`{"shell":"a","fatalExit":"1-256"}`, `"1-256" is no exit status`},
		"backwards":       {`{"shell":"a","fatalExit":"5-2"}`, `"5-2" is no exit status`},
		"an empty part":   {`{"shell":"a","fatalExit":"5,"}`, `"" is no exit status`},
		"negative number": {`{"shell":"a","fatalExit":"-5"}`, `"-5" is no exit status`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Builtin().New("exec", Config{Args: []byte(c.args)})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
