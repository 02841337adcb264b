package segment

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/longhaul/longhaul/internal/fault"
	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// Writer writes the segment of one chunk. Append may be called concurrently; the other methods may not overlap with it.
// After an error of Append, Sync or Seal the Writer is dead: every later call returns that error, and what
// reached the disk is found by the next Open.
type Writer struct {
	fs    fsys.FS
	dir   string
	file  fsys.File
	chunk job.Chunk

	mu      sync.Mutex
	err     error
	end     int64   // file offset of the next frame
	offsets []int64 // by index; 0 where the record is missing; nil before the first frame, as of a chunk that waits for its turn
	missing int
	sealed  bool
	sum     Summary
}

// Open opens the segment of chunk c in folder dir, making it where it is missing. It waits, until ctx ends, for another Writer
// of it to close or die, and recovers what that one wrote. A file of another generation or chunk gives way to a new one. An
// error that wraps ErrVersion means a format that this program must not touch.
func Open(ctx context.Context, disk fsys.FS, dir string, g Generation, c job.Chunk) (*Writer, error) {
	path := filepath.Join(dir, Name(c))
	for {
		f, err := fsys.OpenLocked(ctx, disk, path, 0o600)
		if err != nil {
			return nil, err
		}
		w := &Writer{fs: disk, dir: dir, file: f, chunk: c, missing: c.Records}
		if err = w.recover(g); err == nil {
			return w, nil
		}
		if !errors.Is(err, ErrForeign) {
			return nil, errors.Join(err, f.Close())
		}
		// A new file, and not the old one emptied: after a power loss that one's frames might stand behind a new header.
		if err = disk.Remove(path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
}

// recover reads what is there and leaves the file ready for the next frame. Its error is ErrForeign where the file has no header of
// this generation and chunk.
func (w *Writer) recover(g Generation) error {
	size, err := w.file.Size()
	if err != nil {
		return err
	}
	if size == 0 {
		w.end = headerSize
		_, err := w.file.WriteAt(encodeHeader(g, w.chunk), 0)
		return err
	}
	c, err := readHeader(w.file, g, size)
	if IsDamage(err) || err == nil && c != w.chunk {
		return ErrForeign
	}
	if err != nil {
		return err
	}
	if ix, err := readIndex(w.file, w.chunk.Records, size); err == nil {
		w.offsets, w.missing, w.sealed, w.sum, w.end = ix.offsets, 0, true, ix.sum, size
		return nil
	} else if !IsDamage(err) {
		return err
	}
	if err := w.scan(size); err != nil {
		return err
	}
	return w.file.Truncate(w.end)
}

// scan reads frames from the front up to the first one that does not check out.
func (w *Writer) scan(size int64) error {
	w.end = headerSize
	r := bufio.NewReaderSize(io.NewSectionReader(w.file, headerSize, size-headerSize), 256<<10)
	for {
		f, length, err := nextFrame(r, w.chunk.Records, size-w.end)
		if err != nil {
			if errors.Is(err, io.EOF) || IsDamage(err) {
				return nil
			}
			return err
		}
		if w.has(f.Index) {
			return nil
		}
		w.make()
		w.count(f, length, w.end)
		w.end += frameSize + int64(length)
	}
}

// nextFrame reads and checks one frame without keeping its payload; left is how many bytes the file still has.
func nextFrame(r *bufio.Reader, records int, left int64) (Frame, int, error) {
	header, err := r.Peek(frameHeader)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = ErrTruncated
		}
		return Frame{}, 0, err
	}
	f, length, err := decodeFrameHeader(header, records)
	if err != nil {
		return f, 0, err
	}
	if int64(length)+frameSize > left {
		return f, 0, ErrTruncated
	}
	sum := crc32.New(castagnoli)
	if _, err := io.CopyN(sum, r, frameHeader+int64(length)); err != nil {
		return f, 0, err
	}
	var tail [4]byte
	if _, err := io.ReadFull(r, tail[:]); err != nil {
		return f, 0, err
	}
	if le.Uint32(tail[:]) != sum.Sum32() {
		return f, 0, ErrChecksum
	}
	return f, length, nil
}

// IsDamage tells a segment whose bytes do not check out, and whose records must run again, from a disk that cannot be read.
func IsDamage(err error) bool {
	for _, d := range []error{ErrMagic, ErrChecksum, ErrForeign, ErrTruncated, ErrFrame, ErrUnsealed} {
		if errors.Is(err, d) {
			return true
		}
	}
	return false
}

// count notes the frame f of length payload bytes at file offset at.
func (w *Writer) count(f Frame, length int, at int64) {
	w.offsets[f.Index] = at
	w.missing--
	w.sum.Tries += int64(f.tries())
	w.sum.TaskMicros += f.micros()
	if f.Status == Failure {
		w.sum.Failed++
		w.sum.FailureBytes += int64(length)
	} else {
		w.sum.ResultBytes += int64(length)
	}
}

// Has says whether the record at index has its frame.
func (w *Writer) Has(index int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.has(index)
}

// FirstMissing returns the first index from the given one on that has no frame; the number of records where each has.
func (w *Writer) FirstMissing(from int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for from < w.chunk.Records && w.has(from) {
		from++
	}
	return from
}

func (w *Writer) has(index int) bool { return w.offsets != nil && w.offsets[index] != 0 }

// make makes room for the offsets.
func (w *Writer) make() {
	if w.offsets == nil {
		w.offsets = getOffsets(w.chunk.Records)
		clear(w.offsets)
	}
}

// Missing returns how many records have no frame yet.
func (w *Writer) Missing() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.missing
}

// Summary returns the sums over the frames so far.
func (w *Writer) Summary() Summary {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sum
	s.Bytes = w.end
	return s
}

// Sealed says whether the segment is sealed.
func (w *Writer) Sealed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sealed
}

// Append writes the outcomes of records that have none yet, with one write to the file. When it returns nil they survive the
// death of the process, though not yet of the machine.
func (w *Writer) Append(fs ...Frame) error {
	buf := buffers.Get().(*[]byte)
	b := (*buf)[:0]
	for _, f := range fs {
		if len(f.Payload) > MaxPayload {
			return fmt.Errorf("payload of %d bytes: a segment takes %d a record at most", len(f.Payload), MaxPayload)
		}
		if f.Status != Result && f.Status != Failure {
			return fmt.Errorf("record %d of the chunk: unknown status %d", f.Index, f.Status)
		}
		b = appendFrame(b, f)
	}
	err := w.append(b, fs)
	*buf = b
	keep(buf)
	return err
}

func (w *Writer) append(b []byte, fs []Frame) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.make()
	for i, f := range fs {
		if f.Index < 0 || f.Index >= len(w.offsets) || w.offsets[f.Index] != 0 {
			w.forget(fs[:i])
			return fmt.Errorf("record %d of the chunk: outside it, or already written", f.Index)
		}
		w.offsets[f.Index] = w.end // taken, against a second one in fs; count gives the true offset
	}
	fault.Point("segment.frame")
	if _, err := w.file.WriteAt(b, w.end); err != nil {
		w.forget(fs)
		return w.fail(err)
	}
	fault.Point("segment.framed")
	for _, f := range fs {
		w.count(f, len(f.Payload), w.end)
		w.end += frameSize + int64(len(f.Payload))
	}
	return nil
}

func (w *Writer) forget(fs []Frame) {
	for _, f := range fs {
		w.offsets[f.Index] = 0
	}
}

func (w *Writer) fail(err error) error {
	w.err = err
	return err
}

// Sync returns once all frames so far survive the death of the machine.
func (w *Writer) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if err := w.file.Sync(); err != nil {
		return w.fail(err)
	}
	if err := w.fs.SyncDir(w.dir); err != nil {
		return w.fail(err)
	}
	return nil
}

// Seal writes the index and syncs file and folder. No record may be missing. Sealing a sealed segment does nothing.
func (w *Writer) Seal() (Summary, error) {
	fault.Point("segment.seal")
	if err := w.writeIndex(); err != nil {
		return Summary{}, err
	}
	fault.Point("segment.sealed")
	return w.Summary(), w.Sync()
}

func (w *Writer) writeIndex() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.err != nil:
		return w.err
	case w.sealed:
		return nil
	case w.missing > 0:
		return fmt.Errorf("seal: %d records are missing", w.missing)
	}
	buf := buffers.Get().(*[]byte)
	defer keep(buf)
	*buf = appendIndex((*buf)[:0], w.offsets, w.end, w.sum)
	b := *buf
	if _, err := w.file.WriteAt(b, w.end); err != nil {
		return w.fail(err)
	}
	w.end += int64(len(b))
	w.sealed = true
	return nil
}

// Close lets go of the lock and the file. It does not sync.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	putOffsets(w.offsets)
	w.offsets = nil
	return w.file.Close()
}

// Unseal takes the index off a sealed segment whose frames turned out damaged, so that the next Open cuts it at the damage and runs
// the records from there again. A segment that is missing, being written, or not sealed is left alone.
func Unseal(fsys fsys.FS, dir string, c job.Chunk) (err error) {
	f, err := fsys.OpenWrite(filepath.Join(dir, Name(c)), false, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if ok, err := f.TryLock(); !ok || err != nil {
		return err
	}
	size, err := f.Size()
	if err != nil {
		return err
	}
	if _, err := readIndex(f, c.Records, size); err != nil {
		if IsDamage(err) {
			return nil // Open reads its frames as it is
		}
		return err
	}
	if err := f.Truncate(size - trailerSize); err != nil {
		return err
	}
	return f.Sync()
}
