package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/tests/harness"
)

// damages harms the files of a job that was killed half way, by the names of docs/guarantees.md, and returns how many records lost
// their results, which must run again. A damage whose row there has words must be refused with them instead.
var damages = map[string]func(d *killed) (lost int){
	"torn frame": func(d *killed) int {
		s := d.open
		d.put(s.name, s.bytes[:len(s.bytes)-3])
		return 1
	},
	"flipped bit in a frame of an unfinished segment": func(d *killed) int {
		s := d.open
		at := len(s.frames) / 2
		s.bytes[s.frames[at]+20] ^= 4
		d.put(s.name, s.bytes)
		return len(s.frames) - at
	},
	"flipped bit in a frame of a finished segment": func(d *killed) int {
		s := d.sealed
		at := len(s.frames) / 2
		s.bytes[s.frames[at]+20] ^= 4
		d.put(s.name, s.bytes)
		return len(s.frames) - at
	},
	"flipped bit in an index": func(d *killed) int {
		s := d.sealed
		s.bytes[s.footer+10] ^= 4
		d.put(s.name, s.bytes)
		return 0
	},
	"flipped bit in a trailer": func(d *killed) int {
		s := d.sealed
		s.bytes[len(s.bytes)-30] ^= 4
		d.put(s.name, s.bytes)
		return 0
	},
	"flipped bit in a header": func(d *killed) int {
		s := d.sealed
		s.bytes[20] ^= 4
		d.put(s.name, s.bytes)
		return len(s.frames)
	},
	"segment of another version": func(d *killed) int {
		s := d.sealed
		s.bytes[8] = 2
		d.put(s.name, s.resum())
		return 0
	},
	"segment of another job": func(d *killed) int {
		s := d.sealed
		copy(s.bytes[16:32], "another's output")
		d.put(s.name, s.resum())
		return len(s.frames)
	},
	"missing segment": func(d *killed) int {
		harness.Must(d.T, os.Remove(d.Path(d.sealed.name)))
		return len(d.sealed.frames)
	},
	"truncated output": func(d *killed) int {
		harness.Must(d.T, os.Truncate(d.Path("out"), 100))
		return 0
	},
	"output longer than the manifest says": func(d *killed) int {
		d.put("out", append(d.Read("out"), "torn by a dead appe"...))
		return 0
	},
	"edited manifest": func(d *killed) int {
		edit("out.longhaul/manifest", `"failed": 0`, `"failed": 1`)(d.Bench)
		return 0
	},
	"manifest of another job": func(d *killed) int {
		d.put("out.longhaul/manifest", d.Read("other.longhaul/manifest"))
		return 0
	},
	"manifest of another version": func(d *killed) int {
		edit("out.longhaul/manifest", "longhaul-manifest 1 ", "longhaul-manifest 2 ")(d.Bench)
		return 0
	},
}

// TestDamages kills a job half way, damages a file, and runs the same command again: either it ends with the exact output, after as many requests as
// lost their results, or it refuses in the words of docs/guarantees.md, touches nothing, and goes on when the file is restored. Both where the
// server still knows the job and where it has to be started anew.
func TestDamages(t *testing.T) {
	rows, err := harness.DocumentedTable(harness.DamagesHeading)
	harness.Must(t, err)
	for _, row := range rows {
		damage, ok := damages[row.Name]
		if !ok {
			t.Errorf("no test does the documented damage %q", row.Name)
			continue
		}
		for name, anew := range map[string]bool{"the job goes on": false, "the job starts anew": true} {
			t.Run(row.Name+", "+name, func(t *testing.T) {
				t.Parallel()
				d := kill(t, anew)
				files := d.files()
				lost := damage(d)
				d.Worker()
				if row.Said != "" {
					damaged := d.files()
					p := d.Longhaul(d.args...).Ended(row.Exit)
					d.Matches(row.Said, p.Errs())
					d.wantUntouched(damaged, anew)
					for file, content := range files {
						if !bytes.Equal(content, damaged[file]) {
							d.put(file, content)
						}
					}
				}
				d.Longhaul(d.args...).Ended(0)
				d.Same("out", harness.Oracle(halfRecords))
				d.Tidy("out")
				d.Verify("out").Ended(0)
				if total, _, _ := d.target.Counts(); total != halfRecords+d.inFlight+lost {
					t.Errorf("%d requests for %d records, of which %d were in flight at the kill and %d lost their results", total, halfRecords, d.inFlight, lost)
				}
			})
		}
	}
	for name := range damages {
		if !slices.ContainsFunc(rows, func(r harness.DocumentedRow) bool { return r.Name == name }) {
			t.Errorf("docs/guarantees.md does not tell of the damage %q", name)
		}
	}
}

// killed is a job whose worker and starter were killed half way.
type killed struct {
	*half
	inFlight     int
	sealed, open *segmentFile
}

// Records of a killed job that were in flight: one in the middle, so that finished segments waited for it, and those from the second. The third is the
// records of a chunk.
const straggler, killedFrom, killedChunk = 600, 1_500, 100

// kill brings a job half way, and kills its worker and its starter.
func kill(t *testing.T, anew bool) *killed {
	h := &half{Bench: harness.New(t), target: harness.NewTarget(t, harness.Fixed(0))}
	gate := make(chan struct{})
	release := sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release)
	h.target.Latency = func(record string) time.Duration {
		if n, _ := strconv.Atoi(record); n == straggler || n >= killedFrom {
			<-gate
		}
		return time.Millisecond
	}
	w := h.Worker()
	h.Write("in", harness.Lines(halfRecords))
	h.Longhaul("in", "--output", "other", "--task", "echo").Ended(0)
	h.StartJob("half", job.Spec{
		Input: job.Paths{h.Path("in")}, Output: h.Path("out"), Concurrency: halfLimit,
		Task: job.Task{Name: "http", Args: []byte(`{"url":"` + h.target.Template() + `"}`)}, Tuning: job.Tuning{ChunkRecords: killedChunk, Lanes: 4},
	})
	h.args = []string{"in", "--output", "out", "--http", h.target.Template(), "--concurrency", fmt.Sprint(halfLimit), "--job", "half"}
	h.run = h.Longhaul(h.args...)
	d := &killed{half: h}
	h.Until("all that can be done is on disk, and what can be committed is", func() bool {
		_, _, inFlight := h.target.Counts()
		return inFlight == halfLimit && d.onDisk() == killedFrom-2 && len(d.waiting()) >= 3 && committed(h.Bench) >= straggler-1-killedChunk
	})
	h.run.Kill()
	w.Kill()
	_, _, d.inFlight = h.target.Counts() // all of them are held back
	if anew {
		h.Temporal("workflow", "terminate", "--workflow-id", "half")
	}
	d.sealed = d.waiting()[0]
	for _, s := range d.segments(false) {
		if s.first < straggler && straggler <= s.first+len(s.frames)+1 {
			d.open = s
		}
	}
	release()
	return d
}

// waiting returns the sealed segments beyond the straggler: others may be committed, and about to be removed.
func (d *killed) waiting() []*segmentFile {
	return slices.DeleteFunc(d.segments(true), func(s *segmentFile) bool { return s.first < straggler })
}

// onDisk counts the records whose results are in the output or in a segment.
func (d *killed) onDisk() int {
	d.T.Helper()
	segments := append(d.segments(true), d.segments(false)...)
	out, err := os.ReadFile(d.Path("out"))
	if err != nil {
		return 0 // not begun
	}
	committed := bytes.Count(out, []byte{'\n'})
	n := committed
	for _, s := range segments {
		if s.first >= committed {
			n += len(s.frames)
		}
	}
	return n
}

// segmentFile is a segment on disk.
type segmentFile struct {
	name   string
	bytes  []byte
	first  int
	frames []int // offsets
	footer int
}

// segments returns the segments that are sealed, or that are not, in order.
func (d *killed) segments(sealed bool) (found []*segmentFile) {
	d.T.Helper()
	names, err := filepath.Glob(d.Path("out.longhaul/segments/*.segment"))
	harness.Must(d.T, err)
	for _, path := range names {
		b, err := os.ReadFile(path)
		if err != nil || len(b) < 64 || bytes.HasSuffix(b, []byte("LHSEALED")) != sealed {
			continue
		}
		s := &segmentFile{name: strings.TrimPrefix(path, d.Dir+"/"), bytes: b, first: int(binary.LittleEndian.Uint64(b[32:]))}
		s.footer = len(b)
		if sealed {
			s.footer -= 60 + 12 + 8*int(binary.LittleEndian.Uint32(b[12:]))
		}
		for at := 64; at+24 <= s.footer; at += 24 + int(binary.LittleEndian.Uint32(b[at+16:])) {
			s.frames = append(s.frames, at)
		}
		found = append(found, s)
	}
	return found
}

// resum puts the checksum of a header right, and returns the file.
func (s *segmentFile) resum() []byte {
	binary.LittleEndian.PutUint32(s.bytes[60:], crc32.Checksum(s.bytes[:60], crc32.MakeTable(crc32.Castagnoli)))
	return s.bytes
}

func (d *killed) put(file string, content []byte) {
	d.T.Helper()
	d.Write(file, content)
}

// files returns the files of the job.
func (d *killed) files() map[string][]byte {
	d.T.Helper()
	found := map[string][]byte{}
	for _, pattern := range []string{"out", "out.longhaul/*", "out.longhaul/segments/*"} {
		paths, err := filepath.Glob(d.Path(pattern))
		harness.Must(d.T, err)
		for _, path := range paths {
			if content, err := os.ReadFile(path); err == nil {
				found[strings.TrimPrefix(path, d.Dir+"/")] = content
			}
		}
	}
	return found
}

// wantUntouched checks that a refusal left the results that stand in the files as they were. A job that went on may have committed some of them first.
func (d *killed) wantUntouched(before map[string][]byte, anew bool) {
	d.T.Helper()
	after := d.files()
	for name, content := range before {
		results := name == "out" || strings.HasSuffix(name, "errors.jsonl") || bytes.HasSuffix(content, []byte("LHSEALED"))
		switch {
		case results && anew && !bytes.Equal(content, after[name]):
			d.T.Errorf("the refusal changed %s", name)
		case name == "out" && !bytes.HasPrefix(after[name], content):
			d.T.Errorf("what was committed of %s changed", name)
		}
	}
}
