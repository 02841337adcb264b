package input

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// identityBytes is how much of a file's head and tail its identity covers.
const identityBytes = 64 << 10

// Find finds the files that paths mean and identifies them. A path that is the name of no file, and has one of the characters *?[, is a pattern, as
// path/filepath.Match has them: its regular files are taken in sorted order, but for the output itself. Its errors are *job.Error of kind
// InputUnreadable, or *fsys.OutsideError. A nil disk is the operating system's file system.
func Find(disk fsys.Inputs, paths job.Paths, output string) (job.InputSet, error) {
	disk = diskOf(disk)
	var files job.InputSet
	for _, path := range paths {
		found, err := match(disk, path, output)
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			id, err := identify(disk, path)
			if err != nil {
				return nil, err
			}
			files = append(files, id)
		}
		if len(files) > job.MaxInputs {
			return nil, unreadable(path, fmt.Errorf("more than %d files", job.MaxInputs), "put files together")
		}
	}
	return files, nil
}

// match returns the path itself, or the files that it matches as a pattern.
func match(disk fsys.Inputs, path, output string) ([]string, error) {
	if _, err := disk.Lstat(path); err == nil || !bytes.ContainsAny([]byte(path), `*?[`) {
		return []string{path}, nil
	}
	found, err := disk.Glob(path)
	var outside *fsys.OutsideError
	if errors.As(err, &outside) {
		return nil, err
	}
	if err != nil {
		return nil, unreadable(path, errors.New("not a file, and no pattern either"), "see path/filepath.Match of Go for the patterns")
	}
	var files []string
	for _, f := range found {
		if fi, err := disk.Stat(f); err == nil && fi.Mode().IsRegular() && f != output {
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		return nil, unreadable(path, errors.New("no file matches the pattern"), "")
	}
	return files, nil
}

// identify tells a file's identity.
func identify(disk fsys.Inputs, path string) (job.InputIdentity, error) {
	id := job.InputIdentity{Path: path}
	f, err := openFile(disk, path)
	if err != nil {
		return id, err
	}
	defer f.Close()
	if err := identifyOpen(f, &id); err != nil {
		return id, unreadable(path, err, "")
	}
	return id, nil
}

func identifyOpen(f *os.File, id *job.InputIdentity) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	id.Size, id.Modified = fi.Size(), fi.ModTime().UTC()
	var begin prefix
	for _, part := range []struct {
		from int64
		sum  *string
		also io.Writer
	}{{0, &id.HeadSHA256, &begin}, {max(0, id.Size-identityBytes), &id.TailSHA256, io.Discard}} {
		h := sha256.New()
		if _, err := io.Copy(io.MultiWriter(h, part.also), io.NewSectionReader(f, part.from, identityBytes)); err != nil {
			return err
		}
		*part.sum = hex.EncodeToString(h.Sum(nil))
	}
	id.Compression = compressionOf(begin.b)
	return nil
}

// prefix keeps the first bytes that are written.
type prefix struct{ b []byte }

func (p *prefix) Write(b []byte) (int, error) {
	p.b = append(p.b, b[:min(len(b), 4-len(p.b))]...)
	return len(b), nil
}
