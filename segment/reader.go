package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// Reader reads a sealed segment by record. It holds the offsets and a few blocks of the file, whatever the size of the results. It is not
// for concurrent use.
type Reader struct {
	file    fsys.File
	index   index
	blocks  [cachedBlocks]block
	scratch []byte
}

// Results lie in order of completion, which is near record order: a few cached blocks make reading by record mostly sequential.
const (
	blockSize    = 64 << 10
	cachedBlocks = 32
)

type block struct {
	number int64 // plus one, so that the zero block is none
	data   *[blockSize]byte
	n      int // bytes of it
}

type index struct {
	offsets []int64
	at      int64 // of the footer
	sum     Summary
}

// OpenReader opens the sealed segment of chunk c in folder dir. Its error wraps fs.ErrNotExist where there is none, ErrUnsealed or another
// error of this package where it is not whole.
func OpenReader(fsys fsys.FS, dir string, g Generation, c job.Chunk) (*Reader, error) {
	f, err := fsys.Open(filepath.Join(dir, Name(c)))
	if err != nil {
		return nil, err
	}
	ix, hc, err := open(f, g)
	if err == nil && hc != c {
		err = ErrForeign
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Reader{file: f, index: ix}, nil
}

// open reads header and index.
func open(f fsys.File, g Generation) (index, job.Chunk, error) {
	size, err := f.Size()
	if err != nil {
		return index{}, job.Chunk{}, err
	}
	c, err := readHeader(f, g, size)
	if err != nil {
		return index{}, c, err
	}
	ix, err := readIndex(f, c.Records, size)
	return ix, c, err
}

func readHeader(f fsys.File, g Generation, size int64) (job.Chunk, error) {
	b := make([]byte, min(headerSize, size))
	if _, err := f.ReadAt(b, 0); err != nil {
		return job.Chunk{}, err
	}
	hg, c, err := decodeHeader(b)
	if err == nil && hg != g {
		err = ErrForeign
	}
	return c, err
}

// readIndex reads trailer and footer of a file of size bytes.
func readIndex(f fsys.File, records int, size int64) (index, error) {
	if size < headerSize+footerSize(records)+trailerSize {
		return index{}, ErrUnsealed
	}
	b := make([]byte, trailerSize)
	if _, err := f.ReadAt(b, size-trailerSize); err != nil {
		return index{}, err
	}
	at, sum, err := decodeTrailer(b, records, size)
	if err != nil {
		return index{}, err
	}
	buf := buffers.Get().(*[]byte)
	defer keep(buf)
	*buf = slices.Grow((*buf)[:0], int(footerSize(records)))
	b = (*buf)[:footerSize(records)]
	if _, err := f.ReadAt(b, at); err != nil {
		return index{}, err
	}
	offsets, err := decodeFooter(b, records, at)
	return index{offsets: offsets, at: at, sum: sum}, err
}

// Summary returns what the trailer says.
func (r *Reader) Summary() Summary { return r.index.sum }

// Read returns the frame of the record at index, checked. Its payload is valid until the next Read.
func (r *Reader) Read(i int) (Frame, error) {
	at := r.index.offsets[i]
	header, err := r.bytes(at, frameHeader)
	if err != nil {
		return Frame{}, err
	}
	f, length, err := decodeFrameHeader(header, len(r.index.offsets))
	if err != nil {
		return f, err
	}
	if f.Index != i || at+frameSize+int64(length) > r.index.at {
		return f, ErrFrame
	}
	b, err := r.bytes(at, frameSize+length)
	if err != nil {
		return f, err
	}
	n := len(b) - 4
	if le.Uint32(b[n:]) != checksum(b[:n]) {
		return f, fmt.Errorf("record %d of the chunk: %w", i, ErrChecksum)
	}
	f.Payload = b[frameHeader:n]
	return f, nil
}

// bytes returns n bytes of the file at offset at, all before the footer. They are valid until the next call.
func (r *Reader) bytes(at int64, n int) ([]byte, error) {
	first, from := at/blockSize, int(at%blockSize)
	if from+n <= blockSize {
		b, err := r.block(first)
		if err != nil {
			return nil, err
		}
		if from+n > len(b) {
			return nil, ErrTruncated
		}
		return b[from : from+n], nil
	}
	if cap(r.scratch) < n || cap(r.scratch) > maxKeptBuffer && n <= maxKeptBuffer {
		r.scratch = make([]byte, n, max(n, blockSize))
	}
	b := r.scratch[:n]
	if n > blockSize*cachedBlocks/4 {
		_, err := r.file.ReadAt(b, at)
		return b, err
	}
	for filled := 0; filled < n; first++ {
		src, err := r.block(first)
		if err != nil {
			return nil, err
		}
		if from >= len(src) {
			return nil, ErrTruncated
		}
		filled += copy(b[filled:], src[from:])
		from = 0
	}
	return b, nil
}

func (r *Reader) block(number int64) ([]byte, error) {
	c := &r.blocks[number%cachedBlocks]
	if c.number == number+1 {
		return c.data[:c.n], nil
	}
	if c.data == nil {
		c.data = spareBlocks.Get().(*[blockSize]byte)
	}
	c.number, c.n = 0, int(min(blockSize, r.index.sum.Bytes-number*blockSize))
	if _, err := r.file.ReadAt(c.data[:c.n], number*blockSize); err != nil {
		return nil, err
	}
	c.number = number + 1
	return c.data[:c.n], nil
}

// Close closes the file. What Read returned is not valid any more.
func (r *Reader) Close() error {
	for i := range r.blocks {
		if b := &r.blocks[i]; b.data != nil {
			spareBlocks.Put(b.data)
			*b = block{}
		}
	}
	putOffsets(r.index.offsets)
	r.index.offsets = nil
	return r.file.Close()
}

// List returns the segments in folder dir that belong to generation g and lie at or beyond record from, in order. Of two that overlap the one that
// begins first stays. The others, and every other file but one of an unknown version, are returned as strays.
func List(fsys fsys.FS, dir string, g Generation, from int64) (segments []job.Segment, strays []string, err error) {
	names, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	next := from
	for _, name := range names {
		s, err := inspect(fsys, filepath.Join(dir, name), g)
		switch {
		case errors.Is(err, ErrVersion):
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		case errors.Is(err, fs.ErrNotExist):
		case err != nil && !IsDamage(err):
			return nil, nil, err
		case err != nil || s.First < next || name != Name(s.Chunk):
			strays = append(strays, name)
		default:
			segments = append(segments, s)
			next = s.End()
		}
	}
	return segments, strays, nil
}

// inspect tells what the segment at path holds, from its header and trailer.
func inspect(fsys fsys.FS, path string, g Generation) (job.Segment, error) {
	if !strings.HasSuffix(path, ".segment") {
		return job.Segment{}, ErrMagic
	}
	f, err := fsys.Open(path)
	if err != nil {
		return job.Segment{}, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return job.Segment{}, err
	}
	c, err := readHeader(f, g, size)
	if err != nil {
		return job.Segment{}, err
	}
	s := job.Segment{Chunk: c, Bytes: size}
	ix, err := readIndex(f, c.Records, size)
	switch {
	case err == nil:
		s.Sealed, s.Failed = true, ix.sum.Failed
	case !IsDamage(err):
		return s, err
	}
	return s, nil
}

// Busy says whether some process writes a segment in folder dir at this moment.
func Busy(fsys fsys.FS, dir string) (bool, error) {
	names, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for name := range slices.Values(names) {
		f, err := fsys.OpenWrite(filepath.Join(dir, name), false, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		free, err := f.TryLock()
		if err := errors.Join(err, f.Close()); err != nil {
			return false, err
		}
		if !free {
			return true, nil
		}
	}
	return false, nil
}
