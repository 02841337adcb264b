package fsys_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/longhaul/longhaul/internal/fsys"
)

var errPower = errors.New("the power is out")

// powerFS is a file system in memory that loses what was not synced: pebble's vfs and its crash clone are the model. Files and folders are synced
// apart, and what was not may survive in part, in pieces that are not the first.
type powerFS struct {
	mu sync.Mutex
	// left is how many calls that change or sync something succeed before the power fails; negative means all.
	left int
	// now is the names as programs see them, disk those on stable storage, and pending the changes between.
	now, disk map[string]*node
	pending   []change
}

// node is a file or a folder.
type node struct {
	folder    bool
	now, disk []byte
	pending   []func([]byte) []byte
	holder    *powerFile // of the lock
}

// change is one of a folder's entries, or of two at once as a rename makes it.
type change struct {
	folder string
	apply  func(names map[string]*node)
}

func newPowerFS(folder string) *powerFS {
	names := map[string]*node{folder: {folder: true}}
	return &powerFS{left: -1, now: names, disk: maps.Clone(names)}
}

// boot brings the file system back after a failure. With lose the power was out, and keep is asked for every unsynced piece whether it
// survived; without, only the process died. Files that were open are of no more use.
func (p *powerFS) boot(lose bool, keep func() bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = -1
	for _, n := range p.now {
		n.holder = nil
	}
	if !lose {
		return
	}
	for _, c := range p.pending {
		if keep() {
			c.apply(p.disk)
		}
	}
	p.pending = nil
	for _, name := range slices.Sorted(maps.Keys(p.disk)) {
		n := p.disk[name]
		if _, ok := p.disk[path.Dir(name)]; !ok && path.Dir(name) != "/" {
			delete(p.disk, name) // its folder did not survive
			continue
		}
		for _, op := range n.pending {
			if keep() {
				n.disk = op(n.disk)
			}
		}
		n.pending, n.now = nil, bytes.Clone(n.disk)
	}
	p.now = maps.Clone(p.disk)
}

// spend counts a call that changes something.
func (p *powerFS) spend() error {
	if p.left == 0 {
		return errPower
	}
	p.left--
	return nil
}

func (p *powerFS) change(c change) {
	c.apply(p.now)
	p.pending = append(p.pending, c)
}

func (p *powerFS) open(name string) (fsys.File, error) {
	n, ok := p.now[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &powerFile{fs: p, node: n}, nil
}

func (p *powerFS) Open(name string) (fsys.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open(name)
}

func (p *powerFS) OpenWrite(name string, create bool, _ fs.FileMode) (fsys.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.now[name]; !ok && create && p.now[path.Dir(name)] != nil {
		if err := p.spend(); err != nil {
			return nil, err
		}
		n := &node{}
		p.change(change{path.Dir(name), func(names map[string]*node) { names[name] = n }})
	}
	return p.open(name)
}

func (p *powerFS) Rename(from, to string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.spend(); err != nil {
		return err
	}
	n := p.now[from]
	p.change(change{path.Dir(to), func(names map[string]*node) { delete(names, from); names[to] = n }})
	return nil
}

func (p *powerFS) Remove(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.spend(); err != nil {
		return err
	}
	if _, ok := p.now[name]; !ok {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	p.change(change{path.Dir(name), func(names map[string]*node) { delete(names, name) }})
	return nil
}

func (p *powerFS) Mkdir(name string, _ fs.FileMode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.now[name]; ok {
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	}
	if err := p.spend(); err != nil {
		return err
	}
	n := &node{folder: true}
	p.change(change{path.Dir(name), func(names map[string]*node) { names[name] = n }})
	return nil
}

func (p *powerFS) ReadDir(name string) (names []string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := range p.now {
		if path.Dir(n) == name {
			names = append(names, path.Base(n))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (p *powerFS) SyncDir(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.spend(); err != nil {
		return err
	}
	p.pending = slices.DeleteFunc(p.pending, func(c change) bool {
		if c.folder == name {
			c.apply(p.disk)
		}
		return c.folder == name
	})
	return nil
}

func (p *powerFS) Is(f fsys.File, name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now[name] == f.(*powerFile).node
}

func (p *powerFS) Stat(name string) (fs.FileInfo, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, ok := p.now[name]
	if !ok {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return info{name, int64(len(n.now)), n.folder}, nil
}

type info struct {
	name   string
	size   int64
	folder bool
}

func (i info) Name() string       { return path.Base(i.name) }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.folder }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.folder {
		return fs.ModeDir | 0o700
	}
	return 0o600
}

type powerFile struct {
	fs   *powerFS
	node *node
}

// modify changes the file by steps, each of which may survive without the others.
func (f *powerFile) modify(steps ...func([]byte) []byte) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.spend(); err != nil {
		return err
	}
	for _, s := range steps {
		f.node.now = s(f.node.now)
	}
	f.node.pending = append(f.node.pending, steps...)
	return nil
}

func (f *powerFile) WriteAt(b []byte, at int64) (int, error) {
	half := len(b) / 2
	if err := f.modify(write(b[:half], at), write(b[half:], at+int64(half))); err != nil {
		return 0, err
	}
	return len(b), nil
}

func write(data []byte, at int64) func([]byte) []byte {
	data = bytes.Clone(data)
	return func(b []byte) []byte {
		if end := int(at) + len(data); len(b) < end && len(data) > 0 {
			b = append(b, make([]byte, end-len(b))...)
		}
		copy(b[min(int(at), len(b)):], data)
		return b
	}
}

func (f *powerFile) Truncate(size int64) error {
	return f.modify(func(b []byte) []byte {
		return append(b[:min(int(size), len(b))], make([]byte, max(0, int(size)-len(b)))...)
	})
}

func (f *powerFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.spend(); err != nil {
		return err
	}
	f.node.disk, f.node.pending = bytes.Clone(f.node.now), nil
	return nil
}

func (f *powerFile) ReadAt(b []byte, at int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if int(at)+len(b) > len(f.node.now) {
		return copy(b, f.node.now[min(int(at), len(f.node.now)):]), io.EOF
	}
	return copy(b, f.node.now[at:]), nil
}

func (f *powerFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.node.now)), nil
}

func (f *powerFile) TryLock() (bool, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.node.holder == nil {
		f.node.holder = f
	}
	return f.node.holder == f, nil
}

func (f *powerFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.node.holder == f {
		f.node.holder = nil
	}
	return nil
}
