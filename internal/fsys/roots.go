package fsys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Roots is the file system within some folders, as FS and as Inputs: what lies elsewhere is refused with an *OutsideError, by whatever links or ".." a path
// leads there. Every access is one of os.Root's, so that a link which is put in place at the last moment is not followed out either. A link within a folder must be
// relative.
type Roots struct {
	roots []root
}

type root struct {
	path string // absolute and clean
	dir  *os.Root
}

// OutsideError is a path that leads out of the folders of Roots.
type OutsideError struct {
	Path  string
	Roots []string
	// Link says that it does so by a symbolic link, or is none that can be followed.
	Link bool
}

// Error tells the path and the folders.
func (e *OutsideError) Error() string { return e.Path + ": " + e.Reason() }

// Reason is what is wrong with the path, without it.
func (e *OutsideError) Reason() string {
	if e.Link {
		return "a symbolic link leads out of " + strings.Join(e.Roots, ", ")
	}
	return "outside of " + strings.Join(e.Roots, ", ")
}

// Within opens the file system within some folders, which must exist.
func Within(folders ...string) (*Roots, error) {
	r := &Roots{}
	for _, path := range folders {
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		dir, err := os.OpenRoot(path)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.roots = append(r.roots, root{path, dir})
	}
	return r, nil
}

// Close closes the folders.
func (r *Roots) Close() error {
	var err error
	for _, root := range r.roots {
		err = errors.Join(err, root.dir.Close())
	}
	return err
}

// Paths returns the folders.
func (r *Roots) Paths() []string {
	var paths []string
	for _, root := range r.roots {
		paths = append(paths, root.path)
	}
	return paths
}

// Check refuses a path that does not stand within the folders as it is written.
func (r *Roots) Check(name string) error {
	_, _, err := r.find(name)
	return err
}

// find returns the folder that a path stands in, and the path from there.
func (r *Roots) find(name string) (*os.Root, string, error) {
	if filepath.IsAbs(name) {
		for _, root := range r.roots {
			if rel, err := filepath.Rel(root.path, name); err == nil && filepath.IsLocal(rel) {
				return root.dir, rel, nil
			}
		}
	}
	return nil, "", &OutsideError{Path: name, Roots: r.Paths()}
}

// within does something in the folder that a path stands in.
func within[T any](r *Roots, op, name string, do func(dir *os.Root, rel string) (T, error)) (T, error) {
	dir, rel, err := r.find(name)
	if err != nil {
		var none T
		return none, err
	}
	v, err := do(dir, rel)
	return v, r.failure(op, name, err)
}

// failure gives an error of os.Root its path as users know it.
func (r *Roots) failure(op, name string, err error) error {
	var pe *os.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		err = pe.Err
	case errors.As(err, &le):
		err = le.Err
	default:
		return err
	}
	if err.Error() == escapes { // os has no name for it
		return &OutsideError{Path: name, Roots: r.Paths(), Link: true}
	}
	return &os.PathError{Op: op, Path: name, Err: err}
}

// escapes is the text of the error with which os.Root refuses a path.
const escapes = "path escapes from parent"

func (r *Roots) Open(name string) (File, error) {
	f, err := within(r, "open", name, func(dir *os.Root, rel string) (*os.File, error) { return dir.Open(rel) })
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// OpenInput implements Inputs. It waits for nobody: not even for one who puts a pipe at the path at the last moment.
func (r *Roots) OpenInput(name string) (*os.File, error) {
	return regular(within(r, "open", name, func(dir *os.Root, rel string) (*os.File, error) {
		return dir.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	}))
}

func (r *Roots) OpenWrite(name string, create bool, perm fs.FileMode) (File, error) {
	flag := os.O_RDWR
	if create {
		flag |= os.O_CREATE
	}
	f, err := within(r, "open", name, func(dir *os.Root, rel string) (*os.File, error) { return dir.OpenFile(rel, flag, perm) })
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Rename renames within one folder.
func (r *Roots) Rename(from, to string) error {
	_, err := within(r, "rename", to, func(dir *os.Root, newName string) (struct{}, error) {
		same, oldName, err := r.find(from)
		if err == nil && same != dir {
			err = fmt.Errorf("rename %s to %s: they stand in different folders of the worker's", from, to)
		}
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, dir.Rename(oldName, newName)
	})
	return err
}

func (r *Roots) Remove(name string) error {
	_, err := within(r, "remove", name, func(dir *os.Root, rel string) (struct{}, error) { return struct{}{}, dir.Remove(rel) })
	return err
}

func (r *Roots) Mkdir(name string, perm fs.FileMode) error {
	_, err := within(r, "mkdir", name, func(dir *os.Root, rel string) (struct{}, error) { return struct{}{}, dir.Mkdir(rel, perm) })
	return err
}

func (r *Roots) Stat(name string) (fs.FileInfo, error) {
	return within(r, "stat", name, func(dir *os.Root, rel string) (fs.FileInfo, error) { return dir.Stat(rel) })
}

func (r *Roots) Lstat(name string) (fs.FileInfo, error) {
	return within(r, "lstat", name, func(dir *os.Root, rel string) (fs.FileInfo, error) { return dir.Lstat(rel) })
}

func (r *Roots) ReadDir(name string) ([]string, error) {
	return within(r, "read", name, func(dir *os.Root, rel string) ([]string, error) {
		d, err := dir.Open(rel)
		if err != nil {
			return nil, err
		}
		names, err := d.Readdirnames(-1)
		slices.Sort(names)
		return names, errors.Join(err, d.Close())
	})
}

func (r *Roots) SyncDir(name string) error {
	_, err := within(r, "sync", name, func(dir *os.Root, rel string) (struct{}, error) {
		d, err := dir.Open(rel)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, errors.Join(d.Sync(), d.Close())
	})
	return err
}

// Glob implements Inputs. What a link leads out to matches nothing.
func (r *Roots) Glob(pattern string) ([]string, error) {
	return within(r, "list", pattern, func(dir *os.Root, rel string) ([]string, error) {
		found, err := fs.Glob(dir.FS(), filepath.ToSlash(rel))
		for i, name := range found {
			found[i] = filepath.Join(strings.TrimSuffix(pattern, rel), name)
		}
		return found, err
	})
}

func (r *Roots) Is(f File, name string) bool {
	of, ok := f.(osFile)
	if !ok {
		return false
	}
	a, err := of.Stat()
	if err != nil {
		return false
	}
	b, err := r.Stat(name)
	return err == nil && os.SameFile(a, b)
}
