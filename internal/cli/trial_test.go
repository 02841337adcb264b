package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAJobIsLookedAt shows and tries a job where there is neither a server nor the program of one: nothing stays behind.
func TestAJobIsLookedAt(t *testing.T) {
	for name, c := range map[string]struct {
		args        []string
		status      int
		out, errs   string
		outContains string
	}{
		"shown": {
			[]string{"--dry-run", "--", "cat", "{}"},
			exitDone,
			"", "", "record 0: cat 1\nrecord 1: cat x\nrecord 2: cat 3\n4 records in 1 chunk or more, each of ",
		},
		"shown with its output":   {[]string{"--dry-run", "--output", "out", "--limit", "1", "--task", "echo"}, exitDone, "", "", "record 0: echo 1\n1 record in "},
		"shown, shaped":           {[]string{"--dry-run", "--limit", "1", "--select-input", `"<\(.)>"`, "--http", "http://h/{{.}}"}, exitDone, "", "", "record 0: GET http://h/%3C1%3E\n"},
		"shown, a bad expression": {[]string{"--dry-run", "--limit", "1", "--select-input", "empty", "--task", "echo"}, exitDone, "", "", "record 0: fails: selectInput: it has no value"},
		"tried":                   {[]string{"--try", "1", "--task", "double", "--task-arg", "delay=1ms"}, exitDone, "2\n", "", ""},
		"tried, one failed":       {[]string{"--try", "3", "--task", "double", "--task-arg", "delay=1ms"}, exitSomeFailed, "2\n\n6\n", "record 1 failed, tries 1: \"x\" is not a number\n", ""},
		"tried, NUL":              {[]string{"--try", "3", "--print0", "--task", "echo"}, exitDone, "1\x00x\x003\x00", "", ""},
		"tried, more than all":    {[]string{"--try", "30", "--task", "echo"}, exitDone, "1\nx\n3\n4\n", "", ""},
		"tried, all of a limit":   {[]string{"--try", "3", "--limit", "2", "--task", "echo"}, exitDone, "1\nx\n", "", ""},
		"no such program":         {[]string{"--try", "3", "--", "no-such-program"}, exitFailed, "", "longhaul: command \"no-such-program\": executable file not found in $PATH\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir, tmp := t.TempDir(), t.TempDir()
			t.Chdir(dir)
			t.Setenv("TMPDIR", tmp)
			if err := os.WriteFile("in", []byte("1\nx\n3\n4\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			status, out, errs := execute(append([]string{"run", "in"}, c.args...)...)
			if status != c.status || errs != c.errs || c.outContains == "" && out != c.out || !strings.Contains(out, c.outContains) {
				t.Errorf("status %d\n%q\n%q; want %d\n%q\n%q", status, out, errs, c.status, c.out+c.outContains, c.errs)
			}
			for _, d := range []string{dir, tmp} {
				left, err := filepath.Glob(filepath.Join(d, "*"))
				if err != nil || len(left) > 1 || len(left) == 1 && filepath.Base(left[0]) != "in" {
					t.Errorf("left behind: %q, %v", left, err)
				}
			}
		})
	}
}
