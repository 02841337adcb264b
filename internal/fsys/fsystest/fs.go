// Package fsystest is a file system for tests, which fails what the test tells it to.
package fsystest

import (
	"bytes"
	"io/fs"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/longhaul/longhaul/internal/fsys"
)

// FS is the operating system's file system with a say in every call. It never really syncs, which keeps tests fast; what a lost sync
// does is tested in package fsys.
type FS struct {
	fsys.FS
	// Before is asked before each operation (open, openwrite, rename, remove, mkdir, syncdir, read, write, truncate, sync, lock) on the file
	// or folder of that base name; its error is the operation's. A write that it fails has written half, a read has spoilt half of the buffer.
	Before func(op, name string) error
	// Tried, where it is not nil, is told what each TryLock answered.
	Tried func(ok bool)

	handles atomic.Int64
}

// Hooked returns a file system that asks before each operation; nil asks nobody.
func Hooked(before func(op, name string) error) *FS { return &FS{FS: fsys.OS, Before: before} }

// Handles returns how many files are open.
func (h *FS) Handles() int64 { return h.handles.Load() }

// FailAt returns a hook that fails operation number n, from 0, of those kinds, and no other; seen counts them.
func FailAt(n int, failure error, kinds ...string) (hook func(op, name string) error, seen *int) {
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

func (h *FS) ask(op, name string) error {
	if h.Before == nil {
		return nil
	}
	return h.Before(op, filepath.Base(name))
}

func (h *FS) wrap(f fsys.File, err error, name string) (fsys.File, error) {
	if err != nil {
		return nil, err
	}
	h.handles.Add(1)
	return file{f, name, h}, nil
}

func (h *FS) Open(name string) (fsys.File, error) {
	if err := h.ask("open", name); err != nil {
		return nil, err
	}
	f, err := h.FS.Open(name)
	return h.wrap(f, err, name)
}

func (h *FS) OpenWrite(name string, create bool, perm fs.FileMode) (fsys.File, error) {
	if err := h.ask("openwrite", name); err != nil {
		return nil, err
	}
	f, err := h.FS.OpenWrite(name, create, perm)
	return h.wrap(f, err, name)
}

func (h *FS) Rename(from, to string) error {
	if err := h.ask("rename", to); err != nil {
		return err
	}
	return h.FS.Rename(from, to)
}

func (h *FS) Remove(name string) error {
	if err := h.ask("remove", name); err != nil {
		return err
	}
	return h.FS.Remove(name)
}

func (h *FS) Mkdir(name string, perm fs.FileMode) error {
	if err := h.ask("mkdir", name); err != nil {
		return err
	}
	return h.FS.Mkdir(name, perm)
}

func (h *FS) SyncDir(name string) error { return h.ask("syncdir", name) }

func (h *FS) Is(f fsys.File, name string) bool { return h.FS.Is(f.(file).File, name) }

type file struct {
	fsys.File
	name string
	fs   *FS
}

func (f file) ReadAt(b []byte, at int64) (int, error) {
	if err := f.fs.ask("read", f.name); err != nil {
		copy(b, bytes.Repeat([]byte{0xee}, len(b)/2))
		return 0, err
	}
	return f.File.ReadAt(b, at)
}

func (f file) WriteAt(b []byte, at int64) (int, error) {
	if err := f.fs.ask("write", f.name); err != nil {
		n, _ := f.File.WriteAt(b[:len(b)/2], at)
		return n, err
	}
	return f.File.WriteAt(b, at)
}

func (f file) Truncate(size int64) error {
	if err := f.fs.ask("truncate", f.name); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f file) Sync() error { return f.fs.ask("sync", f.name) }

func (f file) TryLock() (bool, error) {
	if err := f.fs.ask("lock", f.name); err != nil {
		return false, err
	}
	ok, err := f.File.TryLock()
	if f.fs.Tried != nil {
		f.fs.Tried(ok)
	}
	return ok, err
}

func (f file) Close() error {
	f.fs.handles.Add(-1)
	return f.File.Close()
}
