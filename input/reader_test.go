package input

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
)

// listOne lists content as one chunk.
func listOne(t tb, content []byte) job.Chunk {
	t.Helper()
	p, err := list(content, whole())
	if err != nil || len(p.Chunks) != 1 {
		t.Fatalf("got %+v, %v", p, err)
	}
	return p.Chunks[0]
}

func TestRecordsAreWithoutTheirEnds(t *testing.T) {
	const content = "a\r\n\r\r\n\n\x00\n\xff\xfe\n \n\ra\n\r"
	want := []string{"a", "\r", "", "\x00", "\xff\xfe", " ", "\ra", "\r"}
	got, err := readChunk(strings.NewReader(content), listOne(t, []byte(content)))
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %q, %v", got, err)
	}
	for i := range want {
		if string(got[i]) != want[i] {
			t.Errorf("record %d: got %q, want %q", i, got[i], want[i])
		}
	}
}

func TestReaderStaysWithinItsChunk(t *testing.T) {
	content := []byte("0\n1\n2\n3\n4\n")
	q := whole()
	q.Records = 2
	p, err := list(content, q)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readChunk(bytes.NewReader(content), p.Chunks[1])
	if err != nil || string(bytes.Join(got, []byte{','})) != "2,3" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestReaderGoesOnSayingThatItIsAtTheEnd(t *testing.T) {
	r, err := linesIn("in", strings.NewReader("a\n"), 2).Reader(listOne(t, []byte("a\n")))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := r.Next(); err != io.EOF {
			t.Errorf("got %v", err)
		}
	}
}

func TestReaderFindsChangedBytes(t *testing.T) {
	const was = "one\ntwo\nthree\n"
	for name, is := range map[string]string{
		"another byte, same length":  "one\ntwO\nthree\n",
		"another end, same length":   "one\ntw\r\nthree\n",
		"fewer newlines":             "one\ntwo three\n",
		"more newlines":              "one\ntwo\nth\nee\n",
		"newlines moved":             "on\netwo\nthree\n",
		"shorter":                    "one\ntwo\n",
		"shorter, within a record":   "one\ntwo\nth",
		"empty":                      "",
		"the last newline cut off":   "one\ntwo\nthree",
		"its records in other order": "two\none\nthree\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := listOne(t, []byte(was))
			got, err := readChunk(strings.NewReader(is), c)
			if !errors.Is(err, ErrMismatch) {
				t.Fatalf("got %v", err)
			}
			if there := len(records([]byte(is))); len(got) > there {
				t.Errorf("it answered %d records, and the input has %d", len(got), there)
			}
			if want := "its bytes are not those listed before: records 0 to 2, bytes 0 to 14"; !strings.Contains(err.Error(), "read input in: the input changed while the job ran: "+want) {
				t.Errorf("got %q, want %q", err, want)
			}
		})
	}
}

// TestReaderFindsAnyChangeOfAByte also holds that no change makes a Reader answer more records than its chunk has.
func TestReaderFindsAnyChangeOfAByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := content.Filter(func(c []byte) bool { return len(c) > 0 }).Draw(t, "content")
		c := listOne(t, content)
		changed := bytes.Clone(content)
		at := rapid.IntRange(0, len(content)-1).Draw(t, "at")
		changed[at] ^= rapid.SampledFrom([]byte{1, '\n', 'x' ^ '\n', 'a' ^ '\n', '\r' ^ '\n', 0x80}).Draw(t, "by")
		rs, err := readChunk(bytes.NewReader(changed), c)
		if !errors.Is(err, ErrMismatch) || len(rs) > c.Records {
			t.Fatalf("got %d records of %d, %v", len(rs), c.Records, err)
		}
	})
}

func TestReaderPassesAReadErrorOn(t *testing.T) {
	broken := errors.New("broken disk")
	for name, r := range map[string]readerAt{
		"at once":         func([]byte, int64) (int, error) { return 0, broken },
		"within a record": func(b []byte, _ int64) (int, error) { return copy(b, "on"), broken },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readChunk(r, listOne(t, []byte("one\ntwo\n"))); !errors.Is(err, broken) || errors.Is(err, ErrMismatch) {
				t.Errorf("got %v", err)
			}
		})
	}
}
