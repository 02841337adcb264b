package tests

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// declared finds the tests that a file declares.
var declared = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)

// testsOf returns the names of the tests of a package, by its folder.
func testsOf(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", folder, err)
	}
	names := map[string]bool{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllStringSubmatch(string(b), -1) {
			names[m[1]] = true
		}
	}
	return names
}

// TestEachAttackHasItsTest holds the table of docs/attacks.md to tests that there are.
func TestEachAttackHasItsTest(t *testing.T) {
	b, err := os.ReadFile("../docs/attacks.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 3 || cells[0] == "attack" {
			continue
		}
		rows++
		shown, folder := 0, ""
		for _, word := range strings.Fields(strings.ReplaceAll(cells[2], ",", " ")) {
			if name, isFolder := strings.CutPrefix(word, "`"); isFolder {
				folder = strings.TrimSuffix(name, "`")
				continue
			}
			shown++
			if !testsOf(t, folder)[word] {
				t.Errorf("%s: %s has no %s", cells[0], folder, word)
			}
		}
		if shown == 0 {
			t.Errorf("%s: no test shows it", cells[0])
		}
	}
	if rows < 20 {
		t.Errorf("%d attacks in the table", rows)
	}
}
