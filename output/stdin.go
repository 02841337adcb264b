package output

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// stdinPartial is the name of a standard input while it is read.
const stdinPartial = "partial"

// ErrNoStdin says that standard input is neither given nor kept.
var ErrNoStdin = errors.New("standard input is empty, and none is kept that was read to its end")

// TakeStdin keeps all that r gives beside the output and returns the path, whose last part is the SHA-256 of the content. Where r is nil or gives nothing,
// what is kept is taken; where that is nothing either, r's nothing is, unless an earlier one was cut off: that is ErrNoStdin. It refuses another
// content than the one kept, or than the one that the output was begun with, unless overwrite is set. Its errors are *job.Error, those of
// the file system, or ErrNoStdin.
func (o Output) TakeStdin(ctx context.Context, r io.Reader, overwrite bool) (path string, err error) {
	known, err := o.knownStdin(overwrite)
	if err != nil {
		return "", err
	}
	for _, dir := range []string{o.Dir(), o.Stdin()} {
		if err := o.makeDir(dir); err != nil {
			return "", err
		}
	}
	f, cut, err := o.openPartial()
	if err != nil {
		return "", err
	}
	partial := filepath.Join(o.Stdin(), stdinPartial)
	keepPartial := false
	defer func() {
		if !keepPartial {
			err = errors.Join(err, ignoreMissing(o.fs.Remove(partial)))
		}
		err = errors.Join(err, f.Close())
	}()
	digest, n, err := copyStdin(ctx, f, r)
	switch {
	case err != nil:
		keepPartial = cut || n > 0 // so that what was cut off is not taken for nothing given
		return "", err
	case n > 0:
	case len(known) == 1:
		return filepath.Join(o.Stdin(), known[0]), nil
	case r == nil || cut || len(known) > 1:
		keepPartial = cut
		return "", ErrNoStdin
	}
	path = filepath.Join(o.Stdin(), digest)
	if !overwrite && len(known) > 0 {
		if !slices.Contains(known, digest) {
			return "", &job.Error{
				Kind: job.InputChanged, Op: "read input", Path: "-",
				Err:  fmt.Errorf("standard input is not the one that %s was begun with", o.path),
				Hint: "give it the same again, or nothing at all, or start anew with --overwrite",
			}
		}
		return path, nil
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	fault.Point("stdin.written")
	if err := o.fs.Rename(partial, path); err != nil {
		return "", err
	}
	fault.Point("stdin.renamed")
	keepPartial = true // it has another name now
	return path, o.fs.SyncDir(o.Stdin())
}

// knownStdin is the digests of what is kept and of what the output was begun with. It refuses an output that was begun with another input.
func (o Output) knownStdin(overwrite bool) ([]string, error) {
	var known []string
	names, err := o.fs.ReadDir(o.Stdin())
	if ignoreMissing(err) != nil {
		return nil, err
	}
	for _, name := range names {
		if name != stdinPartial {
			known = append(known, name)
		}
	}
	m, err := o.Load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if overwrite {
			return known, nil
		}
		return known, o.refuseForeign()
	case overwrite:
		return known, nil
	case err != nil:
		return nil, err
	}
	path := o.StdinPath(m.Input)
	if path == "" {
		return nil, &job.Error{
			Kind: job.InputChanged, Op: "resume output", Path: o.path, Err: fmt.Errorf("it was begun with the input %s, not with standard input", m.Input.Paths()),
			Hint: "name that input, choose another output, or start anew with --overwrite",
		}
	}
	return []string{filepath.Base(path)}, nil
}

// openPartial opens and locks the file for a standard input that is being read; cut says that an earlier one was not read to its end.
func (o Output) openPartial() (f fsys.File, cut bool, err error) {
	path := filepath.Join(o.Stdin(), stdinPartial)
	for {
		_, err := o.fs.Stat(path)
		cut = err == nil
		f, err := o.fs.OpenWrite(path, true, 0o600)
		if err != nil {
			return nil, false, err
		}
		free, err := f.TryLock()
		if err == nil && free && o.fs.Is(f, path) {
			return f, cut, nil
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, false, err
		}
		if !free {
			return nil, false, &job.Error{
				Kind: job.OutputClaimed, Op: "read input", Path: "-", Err: fmt.Errorf("another command reads standard input for %s", o.path),
				Hint: "wait for it, end it, or choose another output",
			}
		}
	}
}

// copyStdin writes what r gives to f, from its first byte on, and returns its SHA-256 in hex and its length.
func copyStdin(ctx context.Context, f fsys.File, r io.Reader) (digest string, n int64, err error) {
	if r == nil {
		return "", 0, nil
	}
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return "", n, err
		}
		got, err := r.Read(buf)
		if got > 0 {
			if n == 0 {
				if err := f.Truncate(0); err != nil {
					return "", 0, err
				}
			}
			h.Write(buf[:got])
			if _, err := f.WriteAt(buf[:got], n); err != nil {
				return "", n, err
			}
			n += int64(got)
			fault.Point("stdin.part")
		}
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), n, nil
		}
		if err != nil {
			return "", n, err
		}
	}
}

// StdinPath is the path of the standard input that files are, kept beside this output; "" where they are something else.
func (o Output) StdinPath(files job.InputSet) string {
	if len(files) == 1 && filepath.Dir(files[0].Path) == o.Stdin() {
		return files[0].Path
	}
	return ""
}

// KeepStdin removes the standard inputs that are kept beside the output, but for the one that files are, and one that is being read.
func (o Output) KeepStdin(files job.InputSet) error {
	names, err := o.fs.ReadDir(o.Stdin())
	if err != nil {
		return ignoreMissing(err)
	}
	keep, left := o.StdinPath(files), 0
	for _, name := range names {
		path := filepath.Join(o.Stdin(), name)
		if path == keep || name == stdinPartial && o.locked(path) {
			left++
			continue
		}
		if err := ignoreMissing(o.fs.Remove(path)); err != nil {
			return err
		}
	}
	if left > 0 {
		return nil
	}
	return ignoreMissing(o.fs.Remove(o.Stdin()))
}

// locked says whether somebody holds the lock of a file.
func (o Output) locked(path string) bool {
	f, err := o.fs.OpenWrite(path, false, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	free, err := f.TryLock()
	return err == nil && !free
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
