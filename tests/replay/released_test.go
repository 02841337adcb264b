package replay

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sums names the file beside a release's histories that has their SHA-256, in the form of sha256sum.
const sums = "SHA256SUMS"

// unchanged says whether a release's folder holds the histories that were kept when it was made: those, all of them, and no others.
func unchanged(dir string) error {
	list, err := os.ReadFile(filepath.Join(dir, sums))
	if err != nil {
		return err
	}
	want := map[string]string{}
	for line := range strings.Lines(string(list)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		want[name] = sum
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	got := map[string]string{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		got[filepath.Base(f)] = hex.EncodeToString(sum[:])
	}
	if len(got) == 0 || !maps.Equal(got, want) {
		return fmt.Errorf("%s: its histories are not those of its release: mend the workflow, not them (docs/decisions/0007)", dir)
	}
	return nil
}

// TestReleasedHistoriesAreNeverRecordedAnew holds that what a release has recorded stays: it is the jobs that run out there.
func TestReleasedHistoriesAreNeverRecordedAnew(t *testing.T) {
	dirs, err := filepath.Glob("testdata/v*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if err := unchanged(dir); err != nil {
			t.Error(err)
		}
	}
}

// TestAChangedReleaseIsFoundOut shows that the check can fail.
func TestAChangedReleaseIsFoundOut(t *testing.T) {
	kept := map[string]string{"a.json": "a", "b.json": "b", sums: fmt.Sprintf("%x  a.json\n%x  b.json\n", sha256.Sum256([]byte("a")), sha256.Sum256([]byte("b")))}
	for name, c := range map[string]struct {
		change map[string]string // a file that is empty is missing
		same   bool
	}{
		"nothing":       {nil, true},
		"one changed":   {map[string]string{"a.json": "x"}, false},
		"one more":      {map[string]string{"c.json": "c"}, false},
		"one less":      {map[string]string{"b.json": ""}, false},
		"no sums":       {map[string]string{sums: ""}, false},
		"nothing there": {map[string]string{"a.json": "", "b.json": "", sums: "\n"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			files := maps.Clone(kept)
			maps.Copy(files, c.change)
			for name, text := range files {
				if text == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := unchanged(dir); (err == nil) != c.same {
				t.Errorf("said %v", err)
			}
		})
	}
}
