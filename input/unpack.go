package input

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// Compressions that are known, by the first bytes of a file.
const (
	Gzip = "gzip"
	Zstd = "zstd"
)

func compressionOf(begin []byte) string {
	switch {
	case bytes.HasPrefix(begin, []byte{0x1f, 0x8b, 8}): // RFC 1952 section 2.3.1; deflate is the only method there is
		return Gzip
	case bytes.HasPrefix(begin, []byte{0x28, 0xb5, 0x2f, 0xfd}): // RFC 8878 section 3.1.1
		return Zstd
	}
	return ""
}

// maxWindow bounds the memory that unpacking a zstd file takes, as the program zstd does without --long.
const maxWindow = 128 << 20

// unpacker returns a stream of what r holds compressed. Members, or frames, that follow each other are read as one.
func unpacker(r io.Reader, compression string) (io.ReadCloser, error) {
	if compression == Gzip {
		return gzip.NewReader(r)
	}
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// unpackedPath is where a file is unpacked to. Its name is of the file's identity, so that nobody takes it for another's.
func unpackedPath(dir string, id job.InputIdentity) string {
	id.Path = ""
	b, _ := json.Marshal(id) // of strings, a number and a time
	sum := sha256.Sum256(b)
	return filepath.Join(dir, hex.EncodeToString(sum[:8]))
}

// UnpackedBytes is what a compressed file of the given size may unpack to: limit or, where that is 0, what Spec.UnpackedBytes says.
func UnpackedBytes(size, limit int64) int64 {
	if limit > 0 {
		return limit
	}
	return max(100*size, 1<<30)
}

// Unpack unpacks the layout's compressed files into its folder, those that are not there yet, and removes what else is there. A file is there
// under its name only once it is whole and synced. A file that unpacks to more than UnpackedBytes is an error, and so is one that is cut or damaged.
func Unpack(ctx context.Context, disk fsys.FS, l Layout, limit int64) error {
	var names []string
	for _, id := range l.Files {
		if id.Compression == "" {
			continue
		}
		path := unpackedPath(l.Unpacked, id)
		if len(names) == 0 {
			if err := makeDir(disk, l.Unpacked); err != nil {
				return err
			}
		}
		most := UnpackedBytes(id.Size, limit)
		if l.MaxUnpacked > 0 {
			most = min(most, l.MaxUnpacked)
		}
		if err := unpack(ctx, disk, l.disk(), id, path, most); err != nil {
			return err
		}
		names = append(names, filepath.Base(path))
	}
	return RemoveUnpacked(disk, l.Unpacked, names...)
}

func makeDir(disk fsys.FS, dir string) error {
	if err := disk.Mkdir(dir, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	return disk.SyncDir(filepath.Dir(dir))
}

// unpack unpacks one file to path, unless it is there. A second one that does the same waits for the first.
func unpack(ctx context.Context, disk fsys.FS, from fsys.Inputs, id job.InputIdentity, path string, limit int64) (err error) {
	if _, err := disk.Stat(path); err == nil {
		return nil
	}
	tmp := path + ".tmp"
	f, err := fsys.OpenLocked(ctx, disk, tmp, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = disk.Remove(tmp)
		}
		err = errors.Join(err, f.Close())
	}()
	if _, err := disk.Stat(path); err == nil { // the other one was done first
		return disk.Remove(tmp)
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	if err := unpackTo(ctx, f, from, id, limit); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	fault.Point("unpack.written")
	if err := disk.Rename(tmp, path); err != nil {
		return err
	}
	fault.Point("unpack.renamed")
	return disk.SyncDir(filepath.Dir(path))
}

// unpackTo writes what a file holds.
func unpackTo(ctx context.Context, to io.WriterAt, from fsys.Inputs, id job.InputIdentity, limit int64) error {
	const hint = "it is cut or damaged: put it right, and start anew with --overwrite"
	f, err := reopen(from, id)
	if err != nil {
		return err
	}
	defer f.Close()
	u, err := unpacker(f, id.Compression)
	if err != nil {
		return unreadable(id.Path, fmt.Errorf("unpack %s: %w", id.Compression, tooEarly(err)), hint)
	}
	defer u.Close()
	buf := make([]byte, 1<<20)
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := u.Read(buf)
		if at+int64(n) > limit {
			return unreadable(id.Path, fmt.Errorf("its %d bytes unpack to more than %d", id.Size, limit),
				"if they may, say how many with --max-unpacked, or unpackedBytes in the Spec")
		}
		if n > 0 {
			if _, err := to.WriteAt(buf[:n], at); err != nil {
				return err
			}
			fault.Point("unpack.part")
		}
		at += int64(n)
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return nil
		default:
			return unreadable(id.Path, fmt.Errorf("unpack %s: %w, after %d bytes", id.Compression, tooEarly(err), at), hint)
		}
	}
}

// tooEarly words the end of a file within its compressed data.
func tooEarly(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("the data ends too early")
	}
	return err
}

// RemoveUnpacked removes what is in the folder of unpacked files, but for the names to keep, and the folder where there are none.
func RemoveUnpacked(disk fsys.FS, dir string, keep ...string) error {
	names, err := disk.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if slices.Contains(keep, name) {
			continue
		}
		if err := disk.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(keep) > 0 {
		return nil
	}
	if err := disk.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Check reads the header of each file, where the format has one, so that a wrong one is found before the job begins.
func Check(l Layout) error {
	if !l.Format.Header() {
		return nil
	}
	for _, id := range l.Files {
		if err := checkHeader(l.disk(), id, l.Format); err != nil {
			return err
		}
	}
	return nil
}

func checkHeader(disk fsys.Inputs, id job.InputIdentity, format job.InputFormat) error {
	f, err := reopen(disk, id)
	if err != nil {
		return err
	}
	defer f.Close()
	var r io.Reader = f
	if id.Compression != "" {
		u, err := unpacker(f, id.Compression)
		if err != nil {
			return unreadable(id.Path, fmt.Errorf("unpack %s: %w", id.Compression, tooEarly(err)), "it is cut or damaged")
		}
		defer u.Close()
		r = u
	}
	if _, err := newDecoder(format, r); err != nil {
		return unreadable(id.Path, err, "the first row names the fields; is the input format right?")
	}
	return nil
}
