package input

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
)

func TestFindTakesFilesAndPatterns(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.csv", "a.csv", "c.txt", "[x].csv", "out.csv", "sub.csv/in"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "dangling.csv")); err != nil {
		t.Fatal(err)
	}
	const none, unlike = "no file matches the pattern", "not a file, and no pattern either"
	for name, c := range map[string]struct {
		paths, want string
		refused     string
	}{
		"one":                       {paths: "c.txt", want: "c.txt"},
		"several in their order":    {paths: "c.txt a.csv c.txt", want: "c.txt a.csv c.txt"},
		"a pattern, sorted":         {paths: "*.csv", want: "[x].csv a.csv b.csv"}, // not the output, the folder, the link to nowhere
		"patterns in their order":   {paths: "?.txt [ab].csv", want: "c.txt a.csv b.csv"},
		"a name that looks like it": {paths: "[x].csv", want: "[x].csv"},
		"a folder in a pattern":     {paths: "*/in", want: "sub.csv/in"},
		"none":                      {paths: "*.json", refused: none},
		"no pattern":                {paths: "[", refused: unlike},
		"missing":                   {paths: "a.csv d.csv", refused: "d.csv: no such file or directory"},
		"a folder":                  {paths: "sub.csv", refused: "sub.csv: not a regular file"},
		"the output by name":        {paths: "out.csv", want: "out.csv"}, // which another check refuses
	} {
		t.Run(name, func(t *testing.T) {
			var paths job.Paths
			for _, p := range strings.Fields(c.paths) {
				paths = append(paths, filepath.Join(dir, p))
			}
			files, err := Find(nil, paths, filepath.Join(dir, "out.csv"))
			if c.refused != "" {
				if job.KindOf(err) != job.InputUnreadable || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("got %v, want %s", err, c.refused)
				}
				return
			}
			var got []string
			for _, f := range files {
				rel, err := filepath.Rel(dir, f.Path)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, rel)
			}
			if err != nil || !slices.Equal(got, strings.Fields(c.want)) {
				t.Errorf("got %q, %v; want %s", got, err, c.want)
			}
		})
	}
}

func TestFindBoundsTheFiles(t *testing.T) {
	path := file(t, "")
	if _, err := Find(nil, slices.Repeat(job.Paths{path}, job.MaxInputs), ""); err != nil {
		t.Error(err)
	}
	if _, err := Find(nil, slices.Repeat(job.Paths{path}, job.MaxInputs+1), ""); job.KindOf(err) != job.InputUnreadable || !strings.Contains(err.Error(), "more than 1000 files") {
		t.Errorf("got %v", err)
	}
}
