package segment

import (
	"bufio"
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// DropFailures takes the failures out of the segment of chunk c, so that those records run again, and returns how many it took. The results stay. It waits, until ctx ends, for a
// Writer of the segment to close or die. A segment without failures stays as it is; another one is replaced as a whole by one that is not sealed.
func DropFailures(ctx context.Context, disk fsys.FS, dir string, g Generation, c job.Chunk) (dropped int64, err error) {
	w, err := Open(ctx, disk, dir, g, c)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if dropped = w.Summary().Failed; dropped == 0 {
		return 0, nil
	}
	path := filepath.Join(dir, Name(c))
	if err := w.copyResults(g, path+".tmp"); err != nil {
		_ = disk.Remove(path + ".tmp")
		return 0, err
	}
	fault.Point("segment.dropping")
	if err := disk.Rename(path+".tmp", path); err != nil {
		return 0, err
	}
	return dropped, disk.SyncDir(dir)
}

// copyResults writes a segment with the results of this one. A frame that does not check out is left out: its record runs again.
func (w *Writer) copyResults(g Generation, path string) (err error) {
	f, err := w.fs.OpenWrite(path, true, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Truncate(0); err != nil {
		return err
	}
	buf := bufio.NewWriterSize(io.NewOffsetWriter(f, 0), 256<<10)
	if _, err := buf.Write(encodeHeader(g, w.chunk)); err != nil {
		return err
	}
	var frame []byte
	for i, at := range w.offsets {
		if at == 0 {
			continue
		}
		frame, err = w.frame(frame, i, at)
		if IsDamage(err) {
			continue
		}
		if err != nil {
			return err
		}
		if Status(frame[4]) == Failure {
			continue
		}
		if _, err := buf.Write(frame); err != nil {
			return err
		}
	}
	return errors.Join(buf.Flush(), f.Sync())
}

// frame reads the bytes of the frame of the record at index, which begins at a file offset, into b, and checks them.
func (w *Writer) frame(b []byte, index int, at int64) ([]byte, error) {
	b = append(b[:0], make([]byte, frameHeader)...)
	if _, err := w.file.ReadAt(b, at); err != nil {
		return b, truncated(err)
	}
	f, length, err := decodeFrameHeader(b, w.chunk.Records)
	if err != nil {
		return b, err
	}
	if f.Index != index {
		return b, ErrFrame
	}
	b = append(b, make([]byte, length+4)...)
	if _, err := w.file.ReadAt(b[frameHeader:], at+frameHeader); err != nil {
		return b, truncated(err)
	}
	n := len(b) - 4
	if le.Uint32(b[n:]) != checksum(b[:n]) {
		return b, ErrChecksum
	}
	return b, nil
}

func truncated(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrTruncated
	}
	return err
}
