package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Inputs is the file system as the reader of files sees it that others made.
type Inputs interface {
	// OpenInput opens a regular file for reading, and refuses everything else.
	OpenInput(name string) (*os.File, error)
	Stat(name string) (fs.FileInfo, error)
	Lstat(name string) (fs.FileInfo, error)
	// Glob returns the names that match a pattern, as filepath.Glob does it.
	Glob(pattern string) ([]string, error)
}

// OSInputs is the operating system's file system.
var OSInputs Inputs = osFS{}

// ErrNotRegular says that what stands at a path is no file with bytes.
var ErrNotRegular = errors.New("not a regular file")

func (osFS) OpenInput(name string) (*os.File, error) {
	if fi, err := os.Stat(name); err != nil {
		return nil, err
	} else if !fi.Mode().IsRegular() {
		return nil, ErrNotRegular // to open it may wait for somebody
	}
	return regular(os.Open(name))
}

func (osFS) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }
func (osFS) Glob(pattern string) ([]string, error)  { return filepath.Glob(pattern) }

// regular closes and refuses an open file that is none with bytes.
func regular(f *os.File, err error) (*os.File, error) {
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
