package activities_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
)

// three is a site of six records in three processed chunks.
func three(t *testing.T) (s *site, from job.Position, chunks []job.Chunk) {
	s = newSite(t, echo, numbers(6)...)
	p := s.prepared()
	chunks = s.list(p.Position, 2)
	for _, c := range chunks {
		s.processed(c, 1)
	}
	s.tried(0)
	return s, p.Position, chunks
}

func TestAnAppendStopsBeforeADamagedSegment(t *testing.T) {
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte {
			if at < 0 {
				at += len(b)
			}
			b[at] ^= 1
			return b
		}
	}
	const header, frame = 64, 24 + 1
	for name, tt := range map[string]struct {
		damage func([]byte) []byte // nil: the segment is gone
		runs   int                 // records that run again
	}{
		"gone":                                   {nil, 2},
		"empty":                                  {func([]byte) []byte { return nil }, 2},
		"the header":                             {flip(20), 2},
		"the magic":                              {flip(0), 2},
		"the first payload":                      {flip(header + 20), 2},
		"the second payload":                     {flip(header + frame + 20), 1},
		"the first index":                        {flip(header), 2},
		"a frame's checksum":                     {flip(header + frame + frame - 1), 1},
		"the offsets":                            {flip(header + 2*frame + 8), 0},
		"the trailer":                            {flip(-20), 0},
		"the end mark":                           {flip(-1), 0},
		"cut short":                              {func(b []byte) []byte { return b[:len(b)-1] }, 0},
		"not sealed":                             {func(b []byte) []byte { return b[:header+2*frame] }, 0},
		"a byte more at the end":                 {func(b []byte) []byte { return append(b, 0) }, 0},
		"zeros, as after a crash of the machine": {func(b []byte) []byte { return make([]byte, len(b)) }, 2},
	} {
		for i, place := range []string{"first", "middle", "last"} {
			t.Run(name+", "+place, func(t *testing.T) {
				s, from, chunks := three(t)
				path := s.segmentPath(chunks[i])
				if tt.damage == nil {
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
				} else {
					s.write(path, string(tt.damage([]byte(s.read(path)))))
				}
				a := s.appended(from, true, chunks...)
				if a.Complete || a.Position.Records != int64(2*i) || s.answers() != lines(numbers(2*i)...) {
					t.Fatalf("stands at %+v with output %q, want %d records", a, s.answers(), 2*i)
				}
				s.processed(chunks[i], 1)
				ran := 0
				for _, n := range s.tried(6) {
					ran += n
				}
				if ran != tt.runs {
					t.Errorf("%d records ran again, want %d", ran, tt.runs)
				}
				a = s.appended(a.Position, true, chunks[i:]...)
				if !a.Complete || a.Position.Records != 6 || s.answers() != lines(numbers(6)...) {
					t.Errorf("stands at %+v with output %q", a, s.answers())
				}
				s.wantSegments()
			})
		}
	}
}

func TestASegmentOfAnotherChunkIsNotAppended(t *testing.T) {
	s, from, chunks := three(t)
	s.write(s.segmentPath(chunks[0]), s.read(s.segmentPath(chunks[1])))
	if a := s.appended(from, true, chunks...); a.Position != from || s.answers() != "" {
		t.Errorf("stands at %+v with output %q", a.Position, s.answers())
	}
}

func TestAnAppendThatHappenedBeforeAnswersWhereTheOutputStands(t *testing.T) {
	for name, final := range map[string]bool{"in the middle": false, "at the end": true} {
		t.Run(name, func(t *testing.T) {
			s, from, chunks := three(t)
			if !final {
				chunks = chunks[:2]
			}
			first := s.appended(from, final, chunks...)
			out := s.answers()
			// Tried again, since the worker died before it could answer, or before it had removed the segments.
			s.write(s.segmentPath(chunks[1]), "left behind")
			if again := s.appended(from, final, chunks...); again != first {
				t.Errorf("%+v, want %+v", again, first)
			}
			if got := s.answers(); got != out {
				t.Errorf("output %q, want %q", got, out)
			}
			if _, err := os.Stat(s.segmentPath(chunks[1])); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the segment is still there: %v", err)
			}
		})
	}
}

func TestAnAppendRemovesItsOwnSegmentsOnlyAndTheLastOneAll(t *testing.T) {
	s, from, chunks := three(t)
	a := s.appended(from, false, chunks[:2]...)
	s.wantSegments(chunks[2])
	s.write(filepath.Join(s.segments(), "stray"), "x")
	s.appended(a.Position, true, chunks[2])
	s.wantSegments()
}

// The first attempt stopped before a damaged segment, and died; what follows it is whole and must stay.
func TestAnAppendThatHappenedInPartRemovesNoMoreThanThat(t *testing.T) {
	s, from, chunks := three(t)
	first := s.appended(from, false, chunks[0])
	if again := s.appended(from, true, chunks...); again != first {
		t.Errorf("%+v, want %+v", again, first)
	}
	s.wantSegments(chunks[1:]...)
}

func TestAnAppendBehindTheOutputIsRefused(t *testing.T) {
	s, from, chunks := three(t)
	ahead := from
	ahead.Records, ahead.InputOffset, ahead.OutputBytes = 2, 4, 4
	_, err := s.append(ahead, false, chunks[1])
	wantKind(t, err, job.OutputChanged)
	if s.answers() != "" {
		t.Errorf("output %q", s.answers())
	}
}

func TestAnOutputThatSomebodyChangedIsRefused(t *testing.T) {
	s, from, chunks := three(t)
	a := s.appended(from, false, chunks[0])
	s.write(s.spec.Output, "0\n")
	_, err := s.append(a.Position, false, chunks[1])
	if msg := wantKind(t, err, job.OutputChanged); !strings.Contains(msg, s.spec.Output) {
		t.Errorf("message %q", msg)
	}
	if s.answers() != "0\n" {
		t.Errorf("the output was touched: %q", s.answers())
	}
	s.wantSegments(chunks[1:]...)
}

// What a dead append left past the position does not count.
func TestAnAppendBeginsAtThePositionWhateverStandsBehindIt(t *testing.T) {
	s, from, chunks := three(t)
	a := s.appended(from, false, chunks[0])
	s.write(s.spec.Output, s.answers()+"torn")
	s.write(job.ErrorsPath(s.spec.Output), "torn")
	s.appended(a.Position, true, chunks[1:]...)
	if s.answers() != lines(numbers(6)...) || s.failures() != "" {
		t.Errorf("output %q, errors %q", s.answers(), s.failures())
	}
}

func TestAnAppendThatIsToldToStopCommitsNothing(t *testing.T) {
	s, from, chunks := three(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := do(t, circumstances{ctx: ctx}, s.acts.AppendOutput, job.AppendRequest{
		Output: s.spec.Output, Format: s.spec.Format, From: from, Chunks: chunks, Final: true,
	}); err == nil {
		t.Error("no error")
	}
	if p := s.prepared(); p.Position != from || len(p.Segments) != 3 {
		t.Errorf("%+v", p)
	}
}
