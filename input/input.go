// Package input reads the records of an input larger than memory: it lists chunk boundaries, and reads one chunk's records. A record is a
// line; its LF or CRLF is not part of it, and the last line needs none.
package input

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/longhaul/longhaul/job"
)

// MaxRecord bounds one record in bytes, since a record is held in memory.
const MaxRecord = 64 << 20

// identityBytes is how much of an input's head and tail its identity covers.
const identityBytes = 64 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Open opens an input and tells its identity. Its errors are *job.Error of kind InputUnreadable.
func Open(path string) (*os.File, job.InputIdentity, error) {
	id := job.InputIdentity{Path: path}
	f, err := open(path)
	if err != nil {
		return nil, id, err
	}
	if err := identify(f, &id); err != nil {
		return nil, id, errors.Join(unreadable(path, err), f.Close())
	}
	return f, id, nil
}

// Reopen opens the input of identity id, and refuses one whose size or modification time is another's.
func Reopen(id job.InputIdentity) (*os.File, error) {
	f, err := open(id.Path)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err != nil {
		return nil, errors.Join(unreadable(id.Path, err), f.Close())
	}
	now := id
	now.Size, now.Modified = fi.Size(), fi.ModTime().UTC()
	if diff := id.Difference(now); diff != "" {
		return nil, errors.Join(Changed(id.Path, errors.New(diff)), f.Close())
	}
	return f, nil
}

func open(path string) (*os.File, error) {
	fi, err := os.Stat(path)
	if err == nil && !fi.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, unreadable(path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return f, nil
}

func identify(f *os.File, id *job.InputIdentity) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	id.Size, id.Modified = fi.Size(), fi.ModTime().UTC()
	for _, part := range []struct {
		from int64
		sum  *string
	}{{0, &id.HeadSHA256}, {max(0, id.Size-identityBytes), &id.TailSHA256}} {
		h := sha256.New()
		if _, err := io.Copy(h, io.NewSectionReader(f, part.from, identityBytes)); err != nil {
			return err
		}
		*part.sum = hex.EncodeToString(h.Sum(nil))
	}
	return nil
}

// unreadable words an error of the file system without its own operation and path.
func unreadable(path string, err error) error {
	e := &job.Error{Kind: job.InputUnreadable, Op: "read input", Path: path, Err: err, Hint: "check the path and its permissions on the worker's machine"}
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
