package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/longhaul/longhaul/job"
)

// Version of the format that this package writes, and the only one it reads.
const Version = 1

const (
	magicHeader = "LHSEGMNT"
	magicSealed = "LHSEALED"

	headerSize  = 64
	frameHeader = 20
	frameSize   = frameHeader + 4 // without the payload
	trailerSize = 60

	footerMarker = math.MaxUint32
)

// MaxPayload bounds one record's payload in bytes.
const MaxPayload = 1 << 30

var (
	le         = binary.LittleEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Errors of decoding. All but ErrVersion mean bytes that recovery cuts off or makes anew.
var (
	ErrMagic     = errors.New("not a segment")
	ErrVersion   = errors.New("unknown segment version")
	ErrChecksum  = errors.New("checksum does not match")
	ErrForeign   = errors.New("segment of another output or chunk")
	ErrTruncated = errors.New("cut short")
	ErrFrame     = errors.New("impossible frame")
	ErrUnsealed  = errors.New("segment is not sealed")
)

// Generation identifies the output that a segment belongs to.
type Generation [16]byte

// Status is how a record ended.
type Status uint8

// The statuses.
const (
	Result  Status = 1
	Failure Status = 2
)

// Frame is the outcome of one record.
type Frame struct {
	// Index of the record in its chunk.
	Index  int
	Status Status
	// Tries made; more than 65,535 count as that.
	Tries int
	// Micros is the time spent in tries, in microseconds.
	Micros int64
	// Payload is the output line or the errors line, without its newline.
	Payload []byte
}

// tries and micros are what the frame's fields hold of its numbers.
func (f Frame) tries() uint16 { return uint16(min(max(f.Tries, 0), math.MaxUint16)) }
func (f Frame) micros() int64 { return max(f.Micros, 0) }

// Summary is what the trailer of a sealed segment says.
type Summary struct {
	// Bytes of the file.
	Bytes int64
	// ResultBytes and FailureBytes are the payloads of results and of failures, summed.
	ResultBytes, FailureBytes int64
	job.Totals
}

// Name is the file name of a chunk's segment. Names sort by first record.
func Name(c job.Chunk) string { return fmt.Sprintf("%020d-%d.segment", c.First, c.Records) }

func encodeHeader(g Generation, c job.Chunk) []byte {
	b := make([]byte, headerSize)
	copy(b, magicHeader)
	le.PutUint16(b[8:], Version)
	le.PutUint32(b[12:], uint32(c.Records))
	copy(b[16:], g[:])
	le.PutUint64(b[32:], uint64(c.First))
	le.PutUint64(b[40:], uint64(c.Offset))
	le.PutUint64(b[48:], uint64(c.Length))
	le.PutUint32(b[56:], c.Checksum)
	le.PutUint32(b[60:], checksum(b[:60]))
	return b
}

func decodeHeader(b []byte) (g Generation, c job.Chunk, err error) {
	switch {
	case len(b) < headerSize:
		return g, c, ErrTruncated
	case string(b[:8]) != magicHeader:
		return g, c, ErrMagic
	case le.Uint16(b[8:]) != Version:
		return g, c, fmt.Errorf("%w %d", ErrVersion, le.Uint16(b[8:]))
	case le.Uint16(b[10:]) != 0 && le.Uint32(b[60:]) == checksum(b[:60]):
		return g, c, fmt.Errorf("%w: flags %#x", ErrVersion, le.Uint16(b[10:]))
	case le.Uint32(b[60:]) != checksum(b[:60]):
		return g, c, ErrChecksum
	}
	copy(g[:], b[16:])
	c = job.Chunk{
		First:    int64(le.Uint64(b[32:])),
		Records:  int(le.Uint32(b[12:])),
		Offset:   int64(le.Uint64(b[40:])),
		Length:   int64(le.Uint64(b[48:])),
		Checksum: le.Uint32(b[56:]),
	}
	if c.First < 0 || c.Records < 1 || c.Offset < 0 || c.Length < 1 || c.End() < c.First || c.EndOffset() < c.Offset {
		return g, c, ErrFrame
	}
	return g, c, nil
}

// appendFrame appends f's bytes to b.
func appendFrame(b []byte, f Frame) []byte {
	start := len(b)
	b = le.AppendUint32(b, uint32(f.Index))
	b = append(b, byte(f.Status), 0)
	b = le.AppendUint16(b, f.tries())
	b = le.AppendUint64(b, uint64(f.micros()))
	b = le.AppendUint32(b, uint32(len(f.Payload)))
	b = append(b, f.Payload...)
	return le.AppendUint32(b, checksum(b[start:]))
}

// decodeFrameHeader reads a frame's fixed part; length is its payload's. It does not check the checksum.
func decodeFrameHeader(b []byte, records int) (f Frame, length int, err error) {
	f = Frame{
		Index:  int(le.Uint32(b)),
		Status: Status(b[4]),
		Tries:  int(le.Uint16(b[6:])),
		Micros: int64(le.Uint64(b[8:])),
	}
	length = int(le.Uint32(b[16:]))
	if f.Micros < 0 || f.Index >= records || f.Status != Result && f.Status != Failure || b[5] != 0 || length > MaxPayload {
		return f, 0, ErrFrame
	}
	return f, length, nil
}

func footerSize(records int) int64 { return 12 + 8*int64(records) }

// appendIndex appends footer and trailer. offsets has one entry a record; at is the file offset at which the footer begins.
func appendIndex(b []byte, offsets []int64, at int64, s Summary) []byte {
	b = slices.Grow(b, int(footerSize(len(offsets)))+trailerSize)
	start := len(b)
	b = le.AppendUint32(b, footerMarker)
	b = le.AppendUint32(b, uint32(len(offsets)))
	for _, o := range offsets {
		b = le.AppendUint64(b, uint64(o))
	}
	b = le.AppendUint32(b, checksum(b[start:]))
	start = len(b)
	b = le.AppendUint64(b, uint64(at))
	b = le.AppendUint64(b, uint64(s.ResultBytes))
	b = le.AppendUint64(b, uint64(s.Failed))
	b = le.AppendUint64(b, uint64(s.FailureBytes))
	b = le.AppendUint64(b, uint64(s.TaskMicros))
	b = le.AppendUint64(b, uint64(s.Tries))
	b = le.AppendUint32(b, checksum(b[start:]))
	return append(b, magicSealed...)
}

// decodeTrailer reads the last trailerSize bytes of a file of size bytes.
func decodeTrailer(b []byte, records int, size int64) (at int64, s Summary, err error) {
	if len(b) < trailerSize || string(b[52:trailerSize]) != magicSealed {
		return 0, s, ErrUnsealed
	}
	if le.Uint32(b[48:]) != checksum(b[:48]) {
		return 0, s, ErrChecksum
	}
	at = int64(le.Uint64(b))
	s = Summary{
		Bytes:        size,
		ResultBytes:  int64(le.Uint64(b[8:])),
		FailureBytes: int64(le.Uint64(b[24:])),
		Totals: job.Totals{
			Failed:     int64(le.Uint64(b[16:])),
			TaskMicros: int64(le.Uint64(b[32:])),
			Tries:      int64(le.Uint64(b[40:])),
		},
	}
	if at < headerSize || at != size-trailerSize-footerSize(records) {
		return 0, s, ErrUnsealed
	}
	return at, s, nil
}

// decodeFooter reads the offsets of a footer that begins at file offset at.
func decodeFooter(b []byte, records int, at int64) ([]int64, error) {
	n := len(b) - 4
	switch {
	case int64(len(b)) != footerSize(records):
		return nil, ErrTruncated
	case le.Uint32(b[n:]) != checksum(b[:n]):
		return nil, ErrChecksum
	case le.Uint32(b) != footerMarker || int(le.Uint32(b[4:])) != records:
		return nil, ErrFrame
	}
	offsets := getOffsets(records)
	for i := range offsets {
		o := int64(le.Uint64(b[8+8*i:]))
		if o < headerSize || o > at-frameSize {
			return nil, ErrFrame
		}
		offsets[i] = o
	}
	return offsets, nil
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
