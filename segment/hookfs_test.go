package segment_test

import (
	"bytes"
	"io/fs"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/longhaul/longhaul/internal/fsys"
)

// hookFS is the operating system's file system with a say in every call. It never really syncs, which keeps tests fast; what a lost sync
// does is tested in internal/fsys.
type hookFS struct {
	fsys.FS
	// before is asked before each operation on the file or folder of that base name; its error is the operation's. A write that it
	// fails has written half, a read has spoilt half of the buffer.
	before func(op, name string) error
	// tried is told what each TryLock answered.
	tried func(ok bool)
	// handles counts the files that are open.
	handles atomic.Int64
}

func hooked(before func(op, name string) error) *hookFS { return &hookFS{FS: fsys.OS, before: before} }

// quick is the operating system's file system without syncs.
func quick() *hookFS { return hooked(nil) }

func (h *hookFS) ask(op, name string) error {
	if h.before == nil {
		return nil
	}
	return h.before(op, filepath.Base(name))
}

func (h *hookFS) wrap(f fsys.File, err error, name string) (fsys.File, error) {
	if err != nil {
		return nil, err
	}
	h.handles.Add(1)
	return hookFile{f, name, h}, nil
}

func (h *hookFS) Open(name string) (fsys.File, error) {
	if err := h.ask("open", name); err != nil {
		return nil, err
	}
	f, err := h.FS.Open(name)
	return h.wrap(f, err, name)
}

func (h *hookFS) OpenWrite(name string, create bool, perm fs.FileMode) (fsys.File, error) {
	if err := h.ask("openwrite", name); err != nil {
		return nil, err
	}
	f, err := h.FS.OpenWrite(name, create, perm)
	return h.wrap(f, err, name)
}

func (h *hookFS) Is(f fsys.File, name string) bool { return h.FS.Is(f.(hookFile).File, name) }

func (h *hookFS) SyncDir(name string) error { return h.ask("syncdir", name) }

type hookFile struct {
	fsys.File
	name string
	fs   *hookFS
}

func (f hookFile) ReadAt(b []byte, at int64) (int, error) {
	if err := f.fs.ask("read", f.name); err != nil {
		copy(b, bytes.Repeat([]byte{0xee}, len(b)/2))
		return 0, err
	}
	return f.File.ReadAt(b, at)
}

func (f hookFile) WriteAt(b []byte, at int64) (int, error) {
	if err := f.fs.ask("write", f.name); err != nil {
		n, _ := f.File.WriteAt(b[:len(b)/2], at)
		return n, err
	}
	return f.File.WriteAt(b, at)
}

func (f hookFile) Truncate(size int64) error {
	if err := f.fs.ask("truncate", f.name); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f hookFile) Sync() error { return f.fs.ask("sync", f.name) }

func (f hookFile) TryLock() (bool, error) {
	if err := f.fs.ask("lock", f.name); err != nil {
		return false, err
	}
	ok, err := f.File.TryLock()
	if f.fs.tried != nil {
		f.fs.tried(ok)
	}
	return ok, err
}

func (f hookFile) Close() error {
	f.fs.handles.Add(-1)
	return f.File.Close()
}

// failAt returns a hook that fails operation number n, from 0, of those kinds, and no other; seen counts them.
func failAt(n int, failure error, kinds ...string) (hook func(op, name string) error, seen *int) {
	seen = new(int)
	return func(op, _ string) error {
		if !slices.Contains(kinds, op) {
			return nil
		}
		*seen++
		if *seen == n+1 {
			return failure
		}
		return nil
	}, seen
}
