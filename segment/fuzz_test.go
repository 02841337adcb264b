package segment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

var (
	fuzzGeneration = Generation{1, 2, 3}
	fuzzChunk      = job.Chunk{First: 5, Records: 3, Offset: 90, Length: 12, Checksum: 0xabcd}
)

// fit sets the checksum at b[at:] right, which no fuzzer finds by itself.
func fit(b []byte, at int) {
	if len(b) >= at+4 {
		le.PutUint32(b[at:], checksum(b[:at]))
	}
}

func FuzzDecodeHeader(f *testing.F) {
	f.Add(encodeHeader(fuzzGeneration, fuzzChunk))
	f.Add(make([]byte, headerSize))
	f.Add([]byte(magicHeader))
	f.Fuzz(func(t *testing.T, b []byte) {
		for range 2 {
			if g, c, err := decodeHeader(b); err == nil {
				again := encodeHeader(g, c)
				copy(again[10:12], b[10:12]) // flags: version 1 has none, and ignores them
				fit(again, 60)
				if !bytes.Equal(again, b[:headerSize]) {
					t.Errorf("%x decodes to what encodes as %x", b, again)
				}
			}
			b = bytes.Clone(b)
			fit(b, 60)
		}
	})
}

func FuzzDecodeFrameHeader(f *testing.F) {
	f.Add(appendFrame(nil, Frame{Index: 1, Status: Result, Tries: 3, Micros: 1000, Payload: []byte("abc")}), uint16(3))
	f.Add(appendFrame(nil, Frame{Status: Failure}), uint16(1))
	f.Add(bytes.Repeat([]byte{0xff}, frameHeader), uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, records uint16) {
		if len(b) < frameHeader {
			return // callers give it a whole one
		}
		fr, length, err := decodeFrameHeader(b, int(records))
		if err != nil {
			if !IsDamage(err) {
				t.Errorf("%v is no damage", err)
			}
			return
		}
		if fr.Index < 0 || fr.Index >= int(records) || length < 0 || length > MaxPayload || fr.Micros < 0 {
			t.Errorf("impossible frame: %+v of %d bytes in a chunk of %d", fr, length, records)
		}
		again := appendFrame(nil, fr)
		le.PutUint32(again[16:], uint32(length))
		if !bytes.Equal(again[:frameHeader], b[:frameHeader]) {
			t.Errorf("%x decodes to what encodes as %x", b[:frameHeader], again[:frameHeader])
		}
	})
}

func FuzzDecodeIndex(f *testing.F) {
	f.Add(appendIndex(nil, []int64{64, 88, 112}, 136, Summary{ResultBytes: 1, FailureBytes: 2}), int64(136))
	f.Add(appendIndex(nil, []int64{64}, 88, Summary{}), int64(88))
	f.Add(appendIndex(nil, []int64{-1, 1 << 62}, 1<<62, Summary{}), int64(1<<62))
	f.Add(make([]byte, trailerSize), int64(0))
	f.Fuzz(func(t *testing.T, b []byte, at int64) {
		b = bytes.Clone(b)
		records := (len(b) - trailerSize - 12) / 8
		if records < 1 || at < 0 {
			return
		}
		footer, trailer := b[:len(b)-trailerSize], b[len(b)-trailerSize:]
		for range 2 {
			if end, s, err := decodeTrailer(trailer, records, at+int64(len(b))); err == nil {
				if end < headerSize || end != at && len(footer) == int(footerSize(records)) {
					t.Errorf("the footer is said to begin at %d of %d", end, s.Bytes)
				}
			} else if !IsDamage(err) {
				t.Errorf("%v is no damage", err)
			}
			if offsets, err := decodeFooter(footer, records, at); err == nil {
				for _, o := range offsets {
					if o < headerSize || o > at-frameSize {
						t.Errorf("offset %d points to no frame before %d", o, at)
					}
				}
			} else if !IsDamage(err) {
				t.Errorf("%v is no damage", err)
			}
			fit(footer, len(footer)-4)
			fit(trailer, 48)
		}
	})
}

// fitAll sets the checksums of the frames right, from the front, as far as their lengths lead, and those of the index.
func fitAll(b []byte) {
	for at := headerSize; at+frameSize <= len(b); {
		length := int(le.Uint32(b[at+16:]))
		if length > len(b)-at-frameSize {
			break
		}
		fit(b[at:], frameHeader+length)
		at += frameSize + length
	}
	if end := len(b) - trailerSize; end >= headerSize {
		fit(b[end:], 48)
		if start := end - int(footerSize(fuzzChunk.Records)); start >= headerSize {
			fit(b[start:end], end-start-4)
		}
	}
}

// unsynced skips the syncs, which a fuzzer's throughput cannot bear.
type unsynced struct{ fsys.FS }

type unsyncedFile struct{ fsys.File }

func (unsynced) SyncDir(string) error      { return nil }
func (unsyncedFile) Sync() error           { return nil }
func (unsynced) Is(fsys.File, string) bool { return true }

func (u unsynced) OpenWrite(name string, create bool, perm os.FileMode) (fsys.File, error) {
	f, err := u.FS.OpenWrite(name, create, perm)
	return unsyncedFile{f}, err
}

// Whatever stands in the file, Open makes of it a segment that can be finished and read; only another version is refused.
func FuzzRecovery(f *testing.F) {
	whole := encodeHeader(fuzzGeneration, fuzzChunk)
	offsets := make([]int64, fuzzChunk.Records)
	for _, i := range []int{2, 0, 1} {
		offsets[i] = int64(len(whole))
		whole = appendFrame(whole, Frame{Index: i, Status: Result, Tries: 1, Payload: fmt.Append(nil, i)})
	}
	frames := len(whole)
	whole = appendIndex(whole, offsets, int64(frames), Summary{ResultBytes: 3})
	for _, fitted := range []bool{false, true} {
		f.Add(whole, fitted)
		f.Add(whole[:frames], fitted)
		f.Add(whole[:frames-7], fitted)
		f.Add(append(bytes.Clone(whole[:frames-25]), whole[frames:]...), fitted)
		f.Add(append(bytes.Clone(whole[:frames]), bytes.Repeat([]byte{0xff}, 200)...), fitted)
	}
	f.Add([]byte{}, false)
	f.Add([]byte(magicHeader+"\x02\x00"), false)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte, fitted bool) {
		if fitted { // get the fuzzer past the checksums
			content = append(encodeHeader(fuzzGeneration, fuzzChunk), content[min(headerSize, len(content)):]...)
			fitAll(content)
		}
		name := filepath.Join(dir, Name(fuzzChunk))
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if !finishFuzzed(t, dir) {
			return
		}
		if readFuzzed(t, dir) { // sealed before, and damaged within: an append unseals it
			if err := Unseal(unsynced{fsys.OS}, dir, fuzzChunk); err != nil {
				t.Fatal(err)
			}
			if !finishFuzzed(t, dir) || readFuzzed(t, dir) {
				t.Fatal("damaged still")
			}
		}
	})
}

// finishFuzzed opens the segment, runs what is missing and seals. It says false where the version is unknown.
func finishFuzzed(t *testing.T, dir string) bool {
	w, err := Open(context.Background(), unsynced{fsys.OS}, dir, fuzzGeneration, fuzzChunk)
	if errors.Is(err, ErrVersion) {
		return false
	}
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	missing := w.Missing()
	for i := range fuzzChunk.Records {
		if w.Has(i) {
			continue
		}
		missing--
		if err := w.Append(Frame{Index: i, Status: Result, Tries: 1, Payload: []byte("new")}); err != nil {
			t.Fatalf("Append: %v", err)
		}
	}
	if missing != 0 {
		t.Fatalf("Missing and Has differ by %d", missing)
	}
	if _, err := w.Seal(); err != nil {
		t.Fatalf("Seal: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return true
}

// readFuzzed reads all records of a sealed segment and says whether one of them is damaged.
func readFuzzed(t *testing.T, dir string) (damaged bool) {
	r, err := OpenReader(unsynced{fsys.OS}, dir, fuzzGeneration, fuzzChunk)
	if err != nil {
		t.Fatalf("OpenReader: %v", err)
	}
	defer r.Close()
	for i := range fuzzChunk.Records {
		f, err := r.Read(i)
		if err != nil && !IsDamage(err) {
			t.Fatalf("Read(%d): %v", i, err)
		}
		if err == nil && f.Index != i {
			t.Fatalf("Read(%d) answers record %d", i, f.Index)
		}
		damaged = damaged || err != nil
	}
	return damaged
}
