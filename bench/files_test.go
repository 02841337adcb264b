package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOutputsAreChecked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	for name, tt := range map[string]struct {
		kind   kind
		output string
		want   string // of the error; empty: right
	}{
		"requests":              {get, "result 0\nresult 1\nresult 2\n", ""},
		"echoes":                {echo, "0\n1\n2\n", ""},
		"another order":         {echo, "0\n2\n1\n", `line 2 is "2\n", want "1\n"`},
		"the records alone":     {get, "0\n1\n2\n", "line 1"},
		"a line too few":        {echo, "0\n1\n", "line 3"},
		"a line too many":       {echo, "0\n1\n2\n3\n", `"3\n" follows line 3`},
		"no newline at the end": {echo, "0\n1\n2", "line 3"},
		"more without newline":  {echo, "0\n1\n2\n3", `"3" follows line 3`},
		"nothing":               {echo, "", "line 1"},
	} {
		if err := os.WriteFile(path, []byte(tt.output), 0o600); err != nil {
			t.Fatal(err)
		}
		err := checkOutput(given{workload: workload{Records: 3, Kind: tt.kind}, output: path})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}
