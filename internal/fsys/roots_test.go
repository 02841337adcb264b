package fsys_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys"
)

// rooted makes a folder that is a root, and a secret file beside it.
func rooted(t *testing.T) (r *fsys.Roots, root, secret string) {
	t.Helper()
	dir := t.TempDir()
	root, secret = filepath.Join(dir, "root"), filepath.Join(dir, "secret")
	must(t, os.Mkdir(root, 0o700))
	must(t, os.WriteFile(secret, []byte("secret\n"), 0o600))
	r, err := fsys.Within(root)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r, root, secret
}

// TestNoPathLeadsOutOfARoot asks for everything by every way out.
func TestNoPathLeadsOutOfARoot(t *testing.T) {
	r, root, secret := rooted(t)
	must(t, os.Symlink(secret, filepath.Join(root, "absolute")))
	must(t, os.Symlink("../secret", filepath.Join(root, "relative")))
	must(t, os.Symlink("..", filepath.Join(root, "up")))
	must(t, os.Symlink("relative", filepath.Join(root, "twice")))
	must(t, os.Symlink("../new", filepath.Join(root, "dangling")))
	must(t, os.WriteFile(filepath.Join(root, "own"), nil, 0o600))
	must(t, os.Mkdir(filepath.Join(root, "folder"), 0o700))
	for way, path := range map[string]string{
		"its own path":          secret,
		"dots":                  root + "/folder/../../secret",
		"an absolute link":      root + "/absolute",
		"a relative link":       root + "/relative",
		"a link to a link":      root + "/twice",
		"a link to a folder":    root + "/up/secret",
		"a link to nothing":     root + "/dangling",
		"a name that begins so": root + "ed",
		"no absolute path":      "own",
	} {
		link := strings.HasPrefix(way, "a") && strings.Contains(way, "link")
		for op, do := range map[string]func() error{
			"open":       func() error { _, err := r.Open(path); return err },
			"open input": func() error { _, err := r.OpenInput(path); return err },
			"write":      func() error { _, err := r.OpenWrite(path, false, 0o600); return err },
			"create":     func() error { _, err := r.OpenWrite(path, true, 0o600); return err },
			"stat":       func() error { _, err := r.Stat(path); return err },
			"sync":       func() error { return r.SyncDir(path) },
			"list":       func() error { _, err := r.ReadDir(path); return err },
			"mkdir":      func() error { return r.Mkdir(path+"/new", 0o700) },
			"remove":     func() error { return r.Remove(path + "/x") },
			"rename to":  func() error { return r.Rename(root+"/own", path+"/x") },
			"rename":     func() error { return r.Rename(path+"/x", root+"/x") },
		} {
			t.Run(way+"/"+op, func(t *testing.T) {
				err := do()
				var outside *fsys.OutsideError
				if !errors.As(err, &outside) {
					t.Fatalf("%v", err)
				}
				want := " outside of " + root
				if link {
					want = " a symbolic link leads out of " + root
				}
				if !strings.HasSuffix(err.Error(), want) || !strings.HasPrefix(err.Error(), path) && op != "mkdir" && op != "remove" && op != "rename to" && op != "rename" {
					t.Errorf("%v", err)
				}
			})
		}
	}
	if b, err := os.ReadFile(secret); err != nil || string(b) != "secret\n" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := os.Lstat(filepath.Join(filepath.Dir(root), "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
}

// TestNoLinkIsFollowedOutHoweverQuick exchanges a file for a link that leads out while it is opened again and again: what is opened is never the other file.
func TestNoLinkIsFollowedOutHoweverQuick(t *testing.T) {
	r, root, secret := rooted(t)
	inside := filepath.Join(root, "in")
	must(t, os.Mkdir(filepath.Join(root, "folder"), 0o700))
	must(t, os.WriteFile(filepath.Join(root, "folder", "secret"), []byte("inside\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(root, "file"), []byte("inside\n"), 0o600))
	must(t, os.Link(filepath.Join(root, "file"), inside))
	must(t, os.Symlink(secret, filepath.Join(root, "link")))
	must(t, os.Symlink("folder", filepath.Join(root, "way")))

	var over atomic.Bool
	done := make(chan error, 1)
	go func() { // each exchange is atomic: the path always leads to something
		var err error
		for i := 0; !over.Load() && err == nil; i++ {
			tmp := filepath.Join(root, "tmp")
			if i%2 == 0 {
				err = errors.Join(os.Symlink("../secret", tmp), os.Rename(tmp, inside))
				err = errors.Join(err, os.Symlink("..", tmp), os.Rename(tmp, filepath.Join(root, "way")))
			} else {
				err = errors.Join(os.Link(filepath.Join(root, "file"), tmp), os.Rename(tmp, inside))
				err = errors.Join(err, os.Symlink("folder", tmp), os.Rename(tmp, filepath.Join(root, "way")))
			}
		}
		done <- err
	}()
	defer func() { over.Store(true); must(t, <-done) }()

	opened, refused := 0, 0
	for range 20_000 {
		if opened >= 200 && refused >= 200 {
			break
		}
		for _, path := range []string{inside, filepath.Join(root, "way", "secret")} {
			f, err := r.OpenInput(path)
			if err != nil {
				refused++
				continue
			}
			b, err := io.ReadAll(f)
			must(t, errors.Join(err, f.Close()))
			if string(b) != "inside\n" {
				t.Fatalf("%q was read by %s", b, path)
			}
			opened++
		}
	}
	if opened == 0 || refused == 0 {
		t.Errorf("opened %d times, refused %d times: nothing was raced", opened, refused)
	}
}

// TestWithinARootAllIsAsElsewhere does there what outputs and inputs need.
func TestWithinARootAllIsAsElsewhere(t *testing.T) {
	r, root, _ := rooted(t)
	dir := filepath.Join(root, "a")
	must(t, r.Mkdir(dir, 0o700))
	must(t, r.SyncDir(root))
	must(t, fsys.WriteFile(r, filepath.Join(dir, "x.csv"), []byte("one"), 0o600))
	must(t, r.Rename(filepath.Join(dir, "x.csv"), filepath.Join(dir, "y.csv")))
	must(t, os.Symlink("y.csv", filepath.Join(dir, "z.csv")))
	f, err := fsys.OpenLocked(t.Context(), r, filepath.Join(dir, "lock"), 0o600)
	must(t, err)
	if !r.Is(f, filepath.Join(dir, "lock")) || r.Is(f, filepath.Join(dir, "y.csv")) {
		t.Error("it does not know its files")
	}
	must(t, f.Close())
	names, err := r.ReadDir(dir)
	must(t, err)
	if got := strings.Join(names, " "); got != "lock y.csv z.csv" {
		t.Errorf("listed %s", got)
	}
	found, err := r.Glob(filepath.Join(root, "?", "*.csv"))
	must(t, err)
	if got := strings.Join(found, " "); got != dir+"/y.csv "+dir+"/z.csv" {
		t.Errorf("matched %s", got)
	}
	in, err := r.OpenInput(filepath.Join(dir, "z.csv")) // a link that stays within
	must(t, err)
	b, err := io.ReadAll(in)
	must(t, errors.Join(err, in.Close()))
	if string(b) != "one" {
		t.Errorf("read %q", b)
	}
	must(t, r.Remove(filepath.Join(dir, "y.csv")))
	if _, err := r.Stat(filepath.Join(dir, "y.csv")); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "stat "+dir) {
		t.Errorf("%v", err)
	}
}

// TestAnInputIsARegularFile has everything else refused, a pipe that nobody writes to without waiting.
func TestAnInputIsARegularFile(t *testing.T) {
	r, root, _ := rooted(t)
	pipe := filepath.Join(root, "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	for name, in := range map[string]fsys.Inputs{"in a root": r, "anywhere": fsys.OSInputs} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{pipe, root} {
				if _, err := in.OpenInput(path); !errors.Is(err, fsys.ErrNotRegular) {
					t.Errorf("%s: %v", path, err)
				}
			}
		})
	}
}

func TestRootsMustExist(t *testing.T) {
	if _, err := fsys.Within(t.TempDir(), "/no/such/folder"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestNothingIsRenamedFromRootToRoot(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	r, err := fsys.Within(a, b)
	must(t, err)
	defer r.Close()
	must(t, os.WriteFile(filepath.Join(a, "x"), nil, 0o600))
	if err := r.Rename(filepath.Join(a, "x"), filepath.Join(b, "x")); err == nil || !strings.Contains(err.Error(), "different folders") {
		t.Errorf("%v", err)
	}
}
