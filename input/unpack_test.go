package input

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

func gzipped(content string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, content) // to memory
	_ = w.Close()
	return b.String()
}

func zstded(content string) string {
	w, _ := zstd.NewWriter(nil)
	defer w.Close()
	return string(w.EncodeAll([]byte(content), nil))
}

// compressed is a layout of files with the given content and a folder to unpack them to.
func compressed(t *testing.T, format job.InputFormat, contents ...string) Layout {
	t.Helper()
	dir := t.TempDir()
	var paths job.Paths
	for i, c := range contents {
		path := filepath.Join(dir, fmt.Sprintf("in%d", i))
		if err := os.WriteFile(path, []byte(c), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	files, err := Find(nil, paths, "")
	if err != nil {
		t.Fatal(err)
	}
	return Layout{Files: files, Format: format, Unpacked: filepath.Join(dir, "unpacked")}
}

// unpackedRecords reads all records of a layout.
func unpackedRecords(t *testing.T, l Layout) (got []string) {
	t.Helper()
	in, err := Open(l)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	listAndRead(t, in, whole(), func(record []byte, _ int64, err error) {
		if err != nil {
			t.Error(err)
		}
		got = append(got, string(record))
	})
	return got
}

func TestCompressedFilesAreReadAsWhatTheyHold(t *testing.T) {
	long := strings.Repeat("a long line that fills more than a buffer, ", 100_000)
	for name, c := range map[string]struct {
		format job.InputFormat
		files  []string
		want   string
	}{
		"gzip":                        {job.InputLines, []string{gzipped("a\nb\n")}, "a;b"},
		"zstd":                        {job.InputLines, []string{zstded("a\nb\n")}, "a;b"},
		"a gzip file of two members":  {job.InputLines, []string{gzipped("a\nb") + gzipped("c\nd\n")}, "a;bc;d"},
		"a zstd file of two frames":   {job.InputLines, []string{zstded("a\nb") + zstded("c\nd\n")}, "a;bc;d"},
		"among others":                {job.InputLines, []string{"a\n", gzipped("b"), "c", zstded("d\n"), gzipped("e\n")}, "a;b;c;d;e"},
		"nothing":                     {job.InputLines, []string{gzipped(""), zstded("")}, ""},
		"rows, each with its header":  {job.InputCSV, []string{gzipped("x\n1\n"), "y\n2\n", zstded("z\n\"3\"\n")}, `{"x":"1"};{"y":"2"};{"z":"3"}`},
		"what is compressed doubly":   {job.InputLines, []string{gzipped(gzipped("a\n"))}, strings.ReplaceAll(gzipped("a\n"), "\n", ";")},
		"more than a buffer":          {job.InputLines, []string{gzipped(long + "\nb"), zstded(long)}, long + ";b;" + long},
		"the beginning of the magic":  {job.InputLines, []string{"\x1f\x8b"}, "\x1f\x8b"},
		"another method than deflate": {job.InputLines, []string{"\x1f\x8b\x07"}, "\x1f\x8b\x07"},
	} {
		t.Run(name, func(t *testing.T) {
			l := compressed(t, c.format, c.files...)
			if err := Check(l); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time they are there
				if err := Unpack(t.Context(), fsys.OS, l, 0); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(unpackedRecords(t, l), ";"); got != c.want {
				t.Errorf("got %.200q, want %.200q", got, c.want)
			}
		})
	}
}

func TestWhatCannotBeUnpackedIsNamed(t *testing.T) {
	random := strings.Repeat("0123456789", 1000)
	flip := func(s string, at int) string {
		b := []byte(s)
		b[at] ^= 0x55
		return string(b)
	}
	g, z := gzipped(random), zstded(random)
	for name, c := range map[string]struct {
		file  string
		limit int64
		want  string
	}{
		"gzip cut":                      {g[:len(g)/2], 0, "unpack gzip: the data ends too early, after"},
		"gzip without its checksum":     {g[:len(g)-4], 0, "the data ends too early, after 10000 bytes"},
		"gzip within its header":        {g[:5], 0, "unpack gzip: the data ends too early"},
		"gzip with a wrong checksum":    {flip(g, len(g)-6), 0, "unpack gzip: gzip: invalid checksum"},
		"gzip with something behind it": {g + "something else, longer than a header", 0, "unpack gzip: gzip: invalid header"},
		"zstd cut":                      {z[:len(z)-5], 0, "unpack zstd: the data ends too early"},
		"zstd with a wrong checksum":    {flip(z, len(z)-1), 0, "unpack zstd: CRC check failed"},
		"zstd with something behind it": {z + "more", 0, "unpack zstd: "},
		"more than it may":              {g, 9_999, fmt.Sprintf("its %d bytes unpack to more than 9999 (if they may, say how many with --max-unpacked", len(g))},
		"more than it may, zstd":        {z, 9_999, fmt.Sprintf("its %d bytes unpack to more than 9999", len(z))},
	} {
		t.Run(name, func(t *testing.T) {
			l := compressed(t, job.InputLines, "a\n", c.file)
			err := Unpack(t.Context(), fsys.OS, l, c.limit)
			if job.KindOf(err) != job.InputUnreadable || !strings.Contains(err.Error(), "read input "+l.Files[1].Path+": ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if left, err := os.ReadDir(l.Unpacked); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
	t.Run("exactly what it may", func(t *testing.T) {
		if err := Unpack(t.Context(), fsys.OS, compressed(t, job.InputLines, g), 10_000); err != nil {
			t.Error(err)
		}
	})
}

func TestUnpackedBytesHaveABound(t *testing.T) {
	for name, c := range map[string]struct{ size, limit, want int64 }{
		"small":    {1000, 0, 1 << 30},
		"large":    {1 << 40, 0, 100 << 40},
		"as asked": {1 << 40, 5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			if got := UnpackedBytes(c.size, c.limit); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

// TestUnpackBeginsAnewWhereOneDied finds the half of a file, as a killed process leaves it.
func TestUnpackBeginsAnewWhereOneDied(t *testing.T) {
	l := compressed(t, job.InputLines, gzipped("a\nb\n"))
	if err := os.Mkdir(l.Unpacked, 0o700); err != nil {
		t.Fatal(err)
	}
	tmp := unpackedPath(l.Unpacked, l.Files[0]) + ".tmp"
	if err := os.WriteFile(tmp, []byte(strings.Repeat("half of another time\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(l); job.KindOf(err) != job.InputUnreadable {
		t.Errorf("opened before it is unpacked: %v", err)
	}
	if err := Unpack(t.Context(), fsys.OS, l, 0); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(unpackedRecords(t, l)); got != "[a b]" {
		t.Errorf("got %s", got)
	}
	if _, err := os.Stat(tmp); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", tmp, err)
	}
}

// TestUnpackWaitsForAnother holds the lock of one that unpacks.
func TestUnpackWaitsForAnother(t *testing.T) {
	l := compressed(t, job.InputLines, gzipped("a\n"))
	if err := os.Mkdir(l.Unpacked, 0o700); err != nil {
		t.Fatal(err)
	}
	path := unpackedPath(l.Unpacked, l.Files[0])
	f, err := fsys.OpenLocked(t.Context(), fsys.OS, path+".tmp", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Unpack(ctx, fsys.OS, l, 0) }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	// The other one ends well.
	if _, err := f.WriteAt([]byte("theirs\n"), 0); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- Unpack(t.Context(), fsys.OS, l, 0) }()
	if err := errors.Join(os.Rename(path+".tmp", path), f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(unpackedRecords(t, l)); got != "[theirs]" {
		t.Errorf("got %s", got)
	}
}

// TestUnpackRemovesWhatIsOfOthers keeps what the layout has.
func TestUnpackRemovesWhatIsOfOthers(t *testing.T) {
	l := compressed(t, job.InputLines, gzipped("a\n"), zstded("b\n"))
	if err := Unpack(t.Context(), fsys.OS, l, 0); err != nil {
		t.Fatal(err)
	}
	l.Files = l.Files[1:]
	if err := Unpack(t.Context(), fsys.OS, l, 0); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(l.Unpacked)
	if err != nil || len(left) != 1 || left[0].Name() != filepath.Base(unpackedPath(l.Unpacked, l.Files[0])) {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := RemoveUnpacked(fsys.OS, l.Unpacked); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(l.Unpacked); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

// TestAFullDiskIsTheDisksError, not the input's, and leaves nothing half-written.
func TestAFullDiskIsTheDisksError(t *testing.T) {
	l := compressed(t, job.InputLines, gzipped("a\n"))
	err := Unpack(t.Context(), full{fsys.OS}, l, 0)
	if !errors.Is(err, errFull) || job.KindOf(err) != "" {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(l.Unpacked); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

var errFull = errors.New("no space left on device")

// full is a file system on which nothing can be written.
type full struct{ fsys.FS }

type fullFile struct{ fsys.File }

func (f full) OpenWrite(name string, create bool, perm os.FileMode) (fsys.File, error) {
	file, err := f.FS.OpenWrite(name, create, perm)
	return fullFile{file}, err
}

func (f full) Is(file fsys.File, name string) bool { return f.FS.Is(file.(fullFile).File, name) }

func (fullFile) WriteAt([]byte, int64) (int, error) { return 0, errFull }
