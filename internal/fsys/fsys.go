// Package fsys is the file system as longhaul's durable formats need it: positional reads and writes, advisory locks, and
// syncs that can be told apart, behind an interface so that tests can lose what was not synced.
package fsys

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/longhaul/longhaul/internal/fault"
)

// File is an open file. Its methods may be called concurrently; positions are the caller's business.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size returns the file's length in bytes.
	Size() (int64, error)
	// Truncate cuts or extends the file to size bytes.
	Truncate(size int64) error
	// Sync returns once the file's bytes and size are on stable storage.
	Sync() error
	// TryLock takes the file's exclusive advisory lock, which lasts until Close or the process's death, and says
	// whether it could. A lock belongs to this open File, not to the process.
	TryLock() (bool, error)
}

// FS opens, names and removes files.
type FS interface {
	// Open opens a file for reading.
	Open(name string) (File, error)
	// OpenWrite opens a file for reading and writing; create says whether it is made where it is missing.
	OpenWrite(name string, create bool, perm fs.FileMode) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	Mkdir(name string, perm fs.FileMode) error
	Stat(name string) (fs.FileInfo, error)
	// ReadDir returns the names in a folder, sorted.
	ReadDir(name string) ([]string, error)
	// SyncDir returns once the folder's entries are on stable storage.
	SyncDir(name string) error
	// Is says whether name still leads to the open file f.
	Is(f File, name string) bool
}

// OS is the operating system's file system.
var OS FS = osFS{}

type osFS struct{}

type osFile struct{ *os.File }

func (osFS) Open(name string) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) OpenWrite(name string, create bool, perm fs.FileMode) (File, error) {
	flag := os.O_RDWR
	if create {
		flag |= os.O_CREATE
	}
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Rename(from, to string) error              { return os.Rename(from, to) }
func (osFS) Remove(name string) error                  { return os.Remove(name) }
func (osFS) Mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }
func (osFS) Stat(name string) (fs.FileInfo, error)     { return os.Stat(name) }

func (osFS) ReadDir(name string) ([]string, error) {
	d, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

func (osFS) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (osFS) Is(f File, name string) bool {
	of, ok := f.(osFile)
	if !ok {
		return false
	}
	a, err := of.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(name)
	return err == nil && os.SameFile(a, b)
}

func (f osFile) Size() (int64, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}

// lockPoll is how often Lock asks again for a lock that another holds.
const lockPoll = 20 * time.Millisecond

// Lock waits for f's exclusive lock until ctx ends.
func Lock(ctx context.Context, f File) error {
	for {
		ok, err := f.TryLock()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}

// OpenLocked opens a file for reading and writing, making it where it is missing, and waits for its lock until ctx ends. It returns the file
// that name leads to once the lock is held: the one that it led to before may have been removed or replaced meanwhile.
func OpenLocked(ctx context.Context, fsys FS, name string, perm fs.FileMode) (File, error) {
	for {
		f, err := fsys.OpenWrite(name, true, perm)
		if err != nil {
			return nil, err
		}
		if err = Lock(ctx, f); err == nil {
			if fsys.Is(f, name) {
				return f, nil
			}
			err = ctx.Err()
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
}

// WriteFile replaces name by data as a whole: a temporary file beside it is written and synced, renamed over it, and the folder synced.
// After an error either the old or the new content stands. Callers must not write one name concurrently.
func WriteFile(fsys FS, name string, data []byte, perm fs.FileMode) error {
	tmp := name + ".tmp"
	if err := writeSynced(fsys, tmp, data, perm); err != nil {
		_ = fsys.Remove(tmp)
		return err
	}
	fault.Point(filepath.Base(name) + ".written")
	if err := fsys.Rename(tmp, name); err != nil {
		_ = fsys.Remove(tmp)
		return err
	}
	fault.Point(filepath.Base(name) + ".renamed")
	err := fsys.SyncDir(filepath.Dir(name))
	fault.Point(filepath.Base(name) + ".synced")
	return err
}

func writeSynced(fsys FS, name string, data []byte, perm fs.FileMode) (err error) {
	f, err := fsys.OpenWrite(name, true, perm)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Truncate(0); err != nil {
		return err
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return err
	}
	return f.Sync()
}
