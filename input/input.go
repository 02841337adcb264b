// Package input reads the records of an input larger than memory: it finds and identifies the files, lists chunk boundaries, and reads one chunk's
// records.
//
// An input is one file or several, read one after the other: offsets are those of their bytes put together. No record and no chunk spans two files;
// the end of a file ends its last record. What a record is, its format says (job.InputFormat). A compressed file is unpacked beside the output
// first, since nothing can be read from its middle, and read from there.
package input

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// MaxRecord bounds one record in bytes, since a record is held in memory.
const MaxRecord = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Layout is what an input consists of and how it is read.
type Layout struct {
	Files     job.InputSet
	Format    job.InputFormat
	Selection job.Selection
	// Unpacked is the folder of the unpacked files.
	Unpacked string
	// Disk is where the files are; nil is the operating system's file system.
	Disk fsys.Inputs
	// MaxUnpacked bounds what one compressed file may unpack to, whatever else is asked for; 0 is no bound.
	MaxUnpacked int64
}

func (l Layout) disk() fsys.Inputs { return diskOf(l.Disk) }

func diskOf(d fsys.Inputs) fsys.Inputs {
	if d == nil {
		return fsys.OSInputs
	}
	return d
}

// Input is an open input. It is not for concurrent use.
type Input struct {
	layout Layout
	parts  []part
	size   int64
	buffer int // bytes that a listing takes

	open   io.ReaderAt // of part number opened
	opened int
}

// part is a file of the input.
type part struct {
	path  string // as users know it
	start int64  // offset of its first byte in the input
	size  int64
	open  func() (io.ReaderAt, error)
}

func (p part) end() int64 { return p.start + p.size }

// Open opens the input of a layout, whose compressed files are unpacked. It refuses, here or when the file is read, one whose size or modification time
// is another's. Its errors are *job.Error, or *fsys.OutsideError.
func Open(l Layout) (*Input, error) {
	in := &Input{layout: l, buffer: listBuffer, opened: -1}
	for _, id := range l.Files {
		p := part{path: id.Path, size: id.Size, open: func() (io.ReaderAt, error) { return reopen(l.disk(), id) }}
		if id.Compression != "" {
			path := unpackedPath(l.Unpacked, id)
			fi, err := l.disk().Stat(path)
			if err != nil {
				return nil, unreadable(path, err, "the same command unpacks it again")
			}
			p.size = fi.Size()
			p.open = func() (io.ReaderAt, error) { return openFile(l.disk(), path) }
		}
		in.add(p)
	}
	return in, nil
}

func (in *Input) add(p part) {
	p.start = in.size
	in.size += p.size
	in.parts = append(in.parts, p)
}

// Size is the input's length in bytes, unpacked.
func (in *Input) Size() int64 { return in.size }

// Close closes the file that is open.
func (in *Input) Close() error {
	if c, ok := in.open.(io.Closer); ok {
		in.open = nil
		return c.Close()
	}
	return nil
}

// at is the number of the part that the byte at an offset lies in; behind the last byte it is that of no part.
func (in *Input) at(offset int64) int {
	i := slices.IndexFunc(in.parts, func(p part) bool { return p.end() > offset })
	if i < 0 {
		return len(in.parts)
	}
	return i
}

// file returns a part's file. It closes the one of another part.
func (in *Input) file(i int) (io.ReaderAt, error) {
	if in.opened == i {
		return in.open, nil
	}
	if err := in.Close(); err != nil {
		return nil, err
	}
	in.opened = -1
	f, err := in.parts[i].open()
	if err != nil {
		return nil, err
	}
	in.open, in.opened = f, i
	return f, nil
}

// reopen opens the file of identity id, and refuses one whose size or modification time is another's.
func reopen(disk fsys.Inputs, id job.InputIdentity) (*os.File, error) {
	f, err := openFile(disk, id.Path)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err != nil {
		return nil, errors.Join(unreadable(id.Path, err, ""), f.Close())
	}
	now := id
	now.Size, now.Modified = fi.Size(), fi.ModTime().UTC()
	if diff := id.Difference(now); diff != "" {
		return nil, errors.Join(Changed(id.Path, errors.New(diff)), f.Close())
	}
	return f, nil
}

func openFile(disk fsys.Inputs, path string) (*os.File, error) {
	f, err := disk.OpenInput(path)
	if err != nil {
		return nil, unreadable(path, err, "")
	}
	return f, nil
}

// unreadable words an error of the file system without its own operation and path. An empty hint means the usual one. A path that may not be used stays what it is.
func unreadable(path string, err error, hint string) error {
	if outside := (*fsys.OutsideError)(nil); errors.As(err, &outside) {
		return err
	}
	if hint == "" {
		hint = "check the path and its permissions on the worker's machine"
	}
	e := &job.Error{Kind: job.InputUnreadable, Op: "read input", Path: path, Err: err, Hint: hint}
	var pe *os.PathError
	if errors.As(err, &pe) {
		e.Err = pe.Err
	}
	return e
}

// Changed is the error of an input that is not what it was.
func Changed(path string, err error) error {
	return &job.Error{
		Kind: job.InputChanged, Op: "read input", Path: path, Err: fmt.Errorf("the input changed while the job ran: %w", err),
		Hint: "restore the input, or start anew with --overwrite",
	}
}
