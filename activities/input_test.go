package activities_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// inputs writes files beside the input and makes them the site's.
func (s *site) inputs(files map[string]string, paths ...string) {
	s.t.Helper()
	dir := filepath.Dir(s.spec.Output)
	for name, content := range files {
		s.write(filepath.Join(dir, name), content)
	}
	s.spec.Input = nil
	for _, p := range paths {
		s.spec.Input = append(s.spec.Input, filepath.Join(dir, p))
	}
}

func gzipped(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// told answers all that a task is told of a record.
func told(_ context.Context, r task.Record) (task.Result, error) {
	return task.Result{Value: fmt.Appendf(nil, "%d %v %s", r.Number, r.JSON, r.Input)}, nil
}

func TestATaskIsToldTheRecordAndItsNumber(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*job.Spec)
		input  string
		want   string
	}{
		"lines":        {func(*job.Spec) {}, "a\nb\n", "0 false a\n1 false b\n"},
		"rows":         {func(s *job.Spec) { s.InputFormat = job.InputCSV }, "x\na\nb\n", "0 true {\"x\":\"a\"}\n1 true {\"x\":\"b\"}\n"},
		"JSON lines":   {func(s *job.Spec) { s.InputFormat = job.InputJSONL }, "[1]\n2\n", "0 true [1]\n1 true 2\n"},
		"after a skip": {func(s *job.Spec) { s.Skip = 2 }, "a\nb\nc\nd\n", "2 false c\n3 false d\n"},
		"up to a limit": {
			func(s *job.Spec) { s.Skip, s.Limit = 1, 2 }, "a\nb\nc\nd\n", "1 false b\n2 false c\n",
		},
		"a sample": { // by the numbers that job's own test holds
			func(s *job.Spec) { s.Selection = job.Selection{Skip: 3, Sample: 0.01, Seed: 42, Limit: 3} },
			lines(numbers(1000)...), "16 false 16\n194 false 194\n261 false 261\n",
		},
		"a skip beyond the end": {func(s *job.Spec) { s.Skip = 20 }, "a\nb\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, chunk := range []int{1, 100} {
				s := newSite(t, told)
				c.change(&s.spec)
				s.write(s.spec.Input[0], c.input)
				a := s.pass(chunk, 1)
				if got := s.answers(); got != c.want || !a.Complete || a.Position.Records != int64(strings.Count(c.want, "\n")) {
					t.Errorf("output %q at %+v, want %q", got, a, c.want)
				}
			}
		})
	}
}

// TestARecordThatBreaksARuleFailsAlone, without a try, and for good.
func TestARecordThatBreaksARuleFailsAlone(t *testing.T) {
	for _, name := range []string{"script", "echo"} { // one by one, and in batches
		s := newSite(t, echo)
		s.spec.InputFormat, s.spec.Task.Name = job.InputCSV, name
		s.inputs(map[string]string{"a.csv": "x,y\n1,2\n3\n4,5\n", "b.csv": "x,y\n6,\"7\"8\n"}, "a.csv", "b.csv")
		a := s.pass(10, 2)
		if got, want := s.answers(), "{\"x\":\"1\",\"y\":\"2\"}\n\n{\"x\":\"4\",\"y\":\"5\"}\n\n"; got != want {
			t.Errorf("%s: output %q, want %q", name, got, want)
		}
		dir := filepath.Dir(s.spec.Output)
		want := fmt.Sprintf(`{"record":1,"input":"3","error":"%s/a.csv: record 1, which begins at byte 8: 1 field, where the header has 2","tries":0}
{"record":3,"input":"6,\"7\"8","error":"%s/b.csv: record 3, which begins at byte 4: column 2: a quoted field is followed by something else than a separator","tries":0}
`, dir, dir)
		if got := s.failures(); got != want || a.Totals.Failed != 2 {
			t.Errorf("%s: %+v, errors\n%swant\n%s", name, a.Totals, got, want)
		}
	}
}

func TestAWrongHeaderIsRefusedBeforeAnythingIsBegun(t *testing.T) {
	s := newSite(t, echo)
	s.spec.InputFormat = job.InputCSV
	s.inputs(map[string]string{"a.csv": "x,x\n1,2\n"}, "a.csv")
	_, err := s.prepare()
	if msg := wantKind(t, err, job.InputUnreadable); !strings.Contains(msg, "a.csv: the header: columns 1 and 2 are both named") {
		t.Errorf("message %q", msg)
	}
	if _, err := os.Stat(s.spec.Output + ".longhaul"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was begun: %v", err)
	}
}

// TestAChangedSetOfFilesIsRefusedByItsDifference when the job is resumed.
func TestAChangedSetOfFilesIsRefusedByItsDifference(t *testing.T) {
	files := map[string]string{"1.in": "a\n", "2.in": "b\n"}
	for name, c := range map[string]struct {
		change func(s *site, dir string)
		want   string
	}{
		"one more":      {func(s *site, dir string) { s.write(dir+"/3.in", "c\n") }, "it had 2 files and has 3: %s/3.in is new"},
		"one less":      {func(s *site, dir string) { _ = os.Remove(dir + "/1.in") }, "it had 2 files and has 1: %s/1.in is gone"},
		"one renamed":   {func(s *site, dir string) { _ = os.Rename(dir+"/1.in", dir+"/3.in") }, "%s/3.in is new"},
		"one changed":   {func(s *site, dir string) { s.write(dir+"/2.in", "bb\n") }, "%s/2.in: the input is not the one that %s/out was begun with: its size was 2 bytes and is 3"},
		"named by name": {func(s *site, dir string) { s.spec.Input = job.Paths{dir + "/1.in"} }, "%s/2.in is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, echo)
			s.inputs(files, "*.in")
			s.prepared()
			s.prepared() // the same set
			dir := filepath.Dir(s.spec.Output)
			c.change(s, dir)
			_, err := s.prepare()
			if msg := wantKind(t, err, job.InputChanged); !strings.Contains(msg, strings.ReplaceAll(c.want, "%s", dir)) {
				t.Errorf("message %q, want %q", msg, c.want)
			}
		})
	}
}

func TestAnotherSelectionIsAnotherJob(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*job.Spec)
		want   string
	}{
		"format": {func(s *job.Spec) { s.InputFormat = job.InputNUL }, "its input format is lines, not nul"},
		"skip":   {func(s *job.Spec) { s.Skip = 1 }, "its skip is 0, not 1"},
		"limit":  {func(s *job.Spec) { s.Limit = 1 }, "its limit is 0, not 1"},
		"sample": {func(s *job.Spec) { s.Sample = 0.5 }, "its sample is 0, not 0.5"},
		"seed":   {func(s *job.Spec) { s.Seed = 3 }, "its seed is 0, not 3"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, echo, "a")
			s.prepared()
			c.change(&s.spec)
			_, err := s.prepare()
			if msg := wantKind(t, err, job.SpecChanged); !strings.Contains(msg, c.want) {
				t.Errorf("message %q, want %q", msg, c.want)
			}
		})
	}
}

// TestWhatIsUnpackedGoesWithTheJob: it is there while the job runs, and no longer.
func TestWhatIsUnpackedGoesWithTheJob(t *testing.T) {
	s := newSite(t, echo)
	s.inputs(map[string]string{"a.gz": gzipped(t, "a\nb\n"), "b": "c\n"}, "a.gz", "b")
	p := s.prepared()
	unpacked := s.spec.Output + ".longhaul/unpacked"
	names, err := os.ReadDir(unpacked)
	if err != nil || len(names) != 1 || p.InputBytes != 6 {
		t.Fatalf("unpacked: %v, %v, input of %d bytes", names, err, p.InputBytes)
	}
	// Somebody removes it: the next run unpacks it again.
	if err := os.Remove(filepath.Join(unpacked, names[0].Name())); err != nil {
		t.Fatal(err)
	}
	_, err = do(t, circumstances{}, s.acts.ListChunks, job.ListRequest{Output: s.spec.Output, Chunks: 1, Records: 1, Bytes: 1})
	if msg := wantKind(t, err, job.InputUnreadable); !strings.Contains(msg, "the same command unpacks it again") {
		t.Errorf("message %q", msg)
	}
	s.pass(1, 1)
	if got := s.answers(); got != "a\nb\nc\n" {
		t.Errorf("output %q", got)
	}
	if _, err := os.Stat(unpacked); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
}

// TestABombIsRefused by the bound that the Spec sets.
func TestABombIsRefused(t *testing.T) {
	s := newSite(t, echo)
	s.inputs(map[string]string{"a.gz": gzipped(t, strings.Repeat("a\n", 1000))}, "a.gz")
	s.spec.UnpackedBytes = 1999
	_, err := s.prepare()
	if msg := wantKind(t, err, job.InputUnreadable); !strings.Contains(msg, "unpack to more than 1999") {
		t.Errorf("message %q", msg)
	}
	s.spec.UnpackedBytes = 2000 // raised: the same job goes on
	s.pass(500, 1)
	if got := s.answers(); got != strings.Repeat("a\n", 1000) {
		t.Errorf("output of %d bytes", len(got))
	}
}

// TestTheOutputIsNoInput, by its name or by another.
func TestTheOutputIsNoInput(t *testing.T) {
	s := newSite(t, echo)
	s.inputs(map[string]string{"a.in": "a\n", "b.in": "b\n"}, "*.in")
	dir := filepath.Dir(s.spec.Output)
	if err := os.Link(dir+"/b.in", s.spec.Output); err != nil {
		t.Fatal(err)
	}
	_, err := s.prepare()
	wantKind(t, err, job.InvalidSpec)

	s = newSite(t, echo)
	s.inputs(map[string]string{"a.in": "a\n", "b.in": "b\n"}, "*.in")
	s.spec.Output = filepath.Dir(s.spec.Output) + "/out.in" // which the pattern fits
	s.pass(1, 1)
	s.prepared()
	if got := s.answers(); got != "a\nb\n" {
		t.Errorf("output %q", got)
	}
}
