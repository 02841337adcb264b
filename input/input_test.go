package input

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

func identity(t *testing.T, path string) job.InputIdentity {
	t.Helper()
	id, err := identify(fsys.OSInputs, path)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func sha(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func TestIdentityIsOfHeadTailSizeAndTime(t *testing.T) {
	const part = identityBytes
	for name, c := range map[string]struct{ content, head, tail string }{
		"empty":               {"", "", ""},
		"shorter than a part": {"abc\n", "abc\n", "abc\n"},
		"parts that overlap":  {strings.Repeat("h", part-1) + "mt", strings.Repeat("h", part-1) + "m", strings.Repeat("h", part-2) + "mt"},
		"a middle that is not in": {
			strings.Repeat("h", part) + "middle" + strings.Repeat("t", part), strings.Repeat("h", part), strings.Repeat("t", part),
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, c.content)
			modified := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			if err := os.Chtimes(path, modified, modified); err != nil {
				t.Fatal(err)
			}
			want := job.InputIdentity{Path: path, Size: int64(len(c.content)), Modified: modified, HeadSHA256: sha(c.head), TailSHA256: sha(c.tail)}
			if got := identity(t, path); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// TestOpenRefusesWhatItCannotRead leaves permissions out, which do not stop root.
func TestOpenRefusesWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path("loop"), path("loop")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"missing":              {path("nowhere"), "no such file or directory"},
		"a folder":             {dir, "not a regular file"},
		"a pipe":               {path("pipe"), "not a regular file"}, // nor does it wait for a writer
		"a file as its folder": {path("file/in"), "not a directory"},
		"a loop of links":      {path("loop"), "too many levels of symbolic links"},
	} {
		t.Run(name, func(t *testing.T) {
			want := "read input " + c.path + ": " + c.want + " (check the path and its permissions on the worker's machine)"
			_, err := identify(fsys.OSInputs, c.path)
			if job.KindOf(err) != job.InputUnreadable || err.Error() != want {
				t.Errorf("identify: got %v, want %s", err, want)
			}
			_, err = reopen(fsys.OSInputs, job.InputIdentity{Path: c.path})
			if job.KindOf(err) != job.InputUnreadable || err.Error() != want {
				t.Errorf("reopen: got %v, want %s", err, want)
			}
		})
	}
}

func TestReopenTakesTheSameInput(t *testing.T) {
	path := file(t, "a\n")
	f, err := reopen(fsys.OSInputs, identity(t, path))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 2)
	if _, err := f.ReadAt(b, 0); err != nil || string(b) != "a\n" {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestReopenRefusesAnotherInput(t *testing.T) {
	for name, c := range map[string]struct {
		change func(path string) error
		want   string
	}{
		"longer":   {func(p string) error { return os.WriteFile(p, []byte("a\nb\n"), 0o600) }, "its size was 2 bytes and is 4"},
		"shorter":  {func(p string) error { return os.Truncate(p, 1) }, "its size was 2 bytes and is 1"},
		"modified": {func(p string) error { return os.Chtimes(p, time.Time{}, time.Unix(0, 0)) }, "and is 1970-01-01T00:00:00Z"},
		"replaced": {func(p string) error { return os.Rename(file(t, "abc"), p) }, "its size was 2 bytes and is 3"},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, "a\n")
			id := identity(t, path)
			if err := c.change(path); err != nil {
				t.Fatal(err)
			}
			_, err := reopen(fsys.OSInputs, id)
			if job.KindOf(err) != job.InputChanged || !strings.Contains(err.Error(), c.want) ||
				!strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "--overwrite") {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
