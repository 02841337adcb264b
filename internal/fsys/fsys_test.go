package fsys_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys"
)

var errDisk = errors.New("the disk is full")

// failing is the operating system's file system of which one call fails; writes fail halfway.
type failing struct {
	fsys.FS
	op    string
	calls []string
}

type failingFile struct {
	fsys.File
	fs *failing
}

func (f *failing) ask(op string) error {
	f.calls = append(f.calls, op)
	if op == f.op {
		return errDisk
	}
	return nil
}

func (f *failing) OpenWrite(name string, create bool, perm fs.FileMode) (fsys.File, error) {
	if err := f.ask("open"); err != nil {
		return nil, err
	}
	file, err := f.FS.OpenWrite(name, create, perm)
	return failingFile{file, f}, err
}

func (f *failing) Rename(from, to string) error {
	if err := f.ask("rename"); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

func (f *failing) SyncDir(name string) error {
	if err := f.ask("syncdir"); err != nil {
		return err
	}
	return f.FS.SyncDir(name)
}

func (f failingFile) Truncate(size int64) error {
	if err := f.fs.ask("truncate"); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f failingFile) WriteAt(b []byte, at int64) (int, error) {
	if err := f.fs.ask("write"); err != nil {
		n, _ := f.File.WriteAt(b[:len(b)/2], at)
		return n, err
	}
	return f.File.WriteAt(b, at)
}

func (f failingFile) Sync() error {
	if err := f.fs.ask("sync"); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f failingFile) Close() error { return errors.Join(f.fs.ask("close"), f.File.Close()) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func wantContent(t *testing.T, name, want string) {
	t.Helper()
	got, err := os.ReadFile(name)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q (%v), want %q", filepath.Base(name), got, err, want)
	}
}

func TestWriteFileReplacesAsAWhole(t *testing.T) {
	for name, old := range map[string]string{"nothing": "", "a longer content": "old content that is longer", "a shorter one": "o"} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "file")
			if old != "" {
				must(t, os.WriteFile(file, []byte(old), 0o600))
				must(t, os.WriteFile(file+".tmp", []byte("what one that died had written, longer than all"), 0o600))
			}
			h := &failing{FS: fsys.OS}
			must(t, fsys.WriteFile(h, file, []byte("new content"), 0o600))
			wantContent(t, file, "new content")
			wantNone(t, file+".tmp")
			if want := []string{"open", "truncate", "write", "sync", "close", "rename", "syncdir"}; !slices.Equal(h.calls, want) {
				t.Errorf("the calls were %v, want %v", h.calls, want)
			}
		})
	}
}

func wantNone(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s stands there (%v)", filepath.Base(name), err)
	}
}

func TestWriteFileThatFailsLeavesTheOldContent(t *testing.T) {
	for _, op := range []string{"open", "truncate", "write", "sync", "close", "rename"} {
		t.Run(op, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "file")
			must(t, os.WriteFile(file, []byte("old"), 0o600))
			if err := fsys.WriteFile(&failing{FS: fsys.OS, op: op}, file, []byte("new content"), 0o600); !errors.Is(err, errDisk) {
				t.Errorf("got %v, want %v", err, errDisk)
			}
			wantContent(t, file, "old")
			wantNone(t, file+".tmp")
		})
	}
	t.Run("syncdir leaves the new one, and says so", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := fsys.WriteFile(&failing{FS: fsys.OS, op: "syncdir"}, file, []byte("new"), 0o600); !errors.Is(err, errDisk) {
			t.Errorf("got %v, want %v", err, errDisk)
		}
		wantContent(t, file, "new")
		wantNone(t, file+".tmp")
	})
}

func openFile(t testing.TB, name string) fsys.File {
	t.Helper()
	f, err := fsys.OS.OpenWrite(name, true, 0o600)
	must(t, err)
	return f
}

// telling is a file that tells of each try for its lock.
type telling struct {
	fsys.File
	tried chan<- bool
}

func (f telling) TryLock() (bool, error) {
	ok, err := f.File.TryLock()
	f.tried <- ok
	return ok, err
}

func TestLock(t *testing.T) {
	// contested returns a file whose lock another holds, and the other.
	contested := func(t *testing.T) (f telling, holder fsys.File, tried <-chan bool) {
		name := filepath.Join(t.TempDir(), "lock")
		holder = openFile(t, name)
		must(t, fsys.Lock(t.Context(), holder))
		c := make(chan bool, 1_000)
		f = telling{openFile(t, name), c}
		t.Cleanup(func() { must(t, f.Close()) })
		return f, holder, c
	}
	t.Run("waits for the holder to close", func(t *testing.T) {
		f, holder, tried := contested(t)
		end := make(chan error, 1)
		go func() { end <- fsys.Lock(t.Context(), f) }()
		for range 2 { // it asks, and asks again
			if <-tried {
				t.Fatal("two hold one lock")
			}
		}
		must(t, holder.Close())
		must(t, <-end)
	})
	t.Run("gives up with its context", func(t *testing.T) {
		f, holder, tried := contested(t)
		ctx, cancel := context.WithCancel(t.Context())
		end := make(chan error, 1)
		go func() { end <- fsys.Lock(ctx, f) }()
		<-tried
		cancel()
		if err := <-end; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		must(t, holder.Close())
		if ok, err := f.TryLock(); !ok || err != nil { // it is no queue that it has left a place in
			t.Errorf("the lock afterwards: %v, %v", ok, err)
		}
	})
	t.Run("fails where the lock cannot be asked", func(t *testing.T) {
		f := openFile(t, filepath.Join(t.TempDir(), "lock"))
		must(t, f.Close())
		if err := fsys.Lock(t.Context(), f); err == nil {
			t.Error("a closed file was locked")
		}
	})
	t.Run("a free one is taken though the context has ended", func(t *testing.T) {
		f := openFile(t, filepath.Join(t.TempDir(), "lock"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		must(t, fsys.Lock(ctx, f))
		must(t, f.Close())
	})
}

func TestTryLockIsTheOpenFilesOwn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	a, b := openFile(t, name), openFile(t, name)
	try := func(f fsys.File, want bool) {
		t.Helper()
		if got, err := f.TryLock(); got != want || err != nil {
			t.Errorf("TryLock: %v, %v; want %v", got, err, want)
		}
	}
	try(a, true)
	try(a, true)
	try(b, false)
	reader, err := fsys.OS.Open(name) // closing another open file of the same name does not let go, as it does with POSIX locks
	must(t, err)
	must(t, reader.Close())
	try(b, false)
	must(t, a.Close())
	try(b, true)
	must(t, b.Close())
}

func TestIsTellsWhereANameLeads(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	f := openFile(t, name)
	defer f.Close()
	is := func(name string, want bool, when string) {
		t.Helper()
		if got := fsys.OS.Is(f, name); got != want {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	is(name, true, "as opened")
	must(t, os.Link(name, name+".link"))
	is(name+".link", true, "by a second name")
	must(t, fsys.OS.Rename(name, name+".moved"))
	is(name, false, "after it was renamed, by the old name")
	is(name+".moved", true, "after it was renamed, by the new name")
	must(t, os.WriteFile(name, nil, 0o600))
	is(name, false, "when another file has taken the name")
	must(t, fsys.OS.Remove(name+".moved"))
	is(name+".moved", false, "after it was removed")
	is(filepath.Join(dir, "none", "file"), false, "in no folder")
	if fsys.OS.Is(failingFile{f, nil}, name+".link") {
		t.Error("a file of another file system is not one of this")
	}
}

func TestOpenWriteMakesAFileOnlyWhenAsked(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if _, err := fsys.OS.OpenWrite(name, false, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
	wantNone(t, name)
	f := openFile(t, name)
	_, err := f.WriteAt([]byte("abc"), 2)
	must(t, err)
	must(t, f.Close())
	f = openFile(t, name) // which cuts nothing
	defer f.Close()
	wantContent(t, name, "\x00\x00abc")
	if n, err := f.Size(); n != 5 || err != nil {
		t.Errorf("size %d, %v", n, err)
	}
}

func TestReadDirSortsByName(t *testing.T) {
	dir := t.TempDir()
	want := []string{"a", "b", "c", "d10", "d9"}
	for _, n := range []string{"d9", "c", "a", "d10", "b"} {
		must(t, os.WriteFile(filepath.Join(dir, n), nil, 0o600))
	}
	if got, err := fsys.OS.ReadDir(dir); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if _, err := fsys.OS.ReadDir(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

func TestSyncDirOfNoFolder(t *testing.T) {
	must(t, fsys.OS.SyncDir(t.TempDir()))
	if err := fsys.OS.SyncDir(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}
