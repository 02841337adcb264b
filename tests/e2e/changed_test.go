package e2e

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestFilesChangedWhileRunning changes a file under a running job: a clear error, nothing committed is lost, and the same command goes on once it is mended.
func TestFilesChangedWhileRunning(t *testing.T) {
	restore := func(path string) func(b *harness.Bench) func() {
		return func(b *harness.Bench) func() {
			content, info := b.Read(path), stat(b, path)
			return func() {
				b.Write(path, content)
				harness.Must(b.T, os.Chtimes(b.Path(path), info.ModTime(), info.ModTime()))
			}
		}
	}
	for name, c := range map[string]struct {
		// save takes down what mend brings back.
		save func(b *harness.Bench) (mend func())
		harm func(b *harness.Bench)
		want []string
	}{
		"input vanished": {
			restore("in"), func(b *harness.Bench) { harness.Must(b.T, os.Remove(b.Path("in"))) },
			[]string{"/in", "no such file or directory"},
		},
		"input grew": {
			restore("in"), func(b *harness.Bench) { b.Write("in", append(b.Read("in"), "more\n"...)) },
			[]string{"/in", "its size was"},
		},
		"input of the same size": {
			restore("in"), func(b *harness.Bench) { b.Write("in", bytes.ReplaceAll(b.Read("in"), []byte{'7'}, []byte{'8'})) },
			[]string{"/in", "differs"},
		},
		"output removed": {
			restore("out"), func(b *harness.Bench) { harness.Must(b.T, os.Remove(b.Path("out"))) },
			[]string{"/out", "the file is gone", "were committed"},
		},
		"output cut": {
			restore("out"), func(b *harness.Bench) { harness.Must(b.T, os.Truncate(b.Path("out"), 1)) },
			[]string{"/out", "the file has 1 bytes"},
		},
		"manifest edited": {
			restore("out.longhaul/manifest"),
			func(b *harness.Bench) {
				b.Write("out.longhaul/manifest", bytes.Replace(b.Read("out.longhaul/manifest"), []byte(`"failed": 0`), []byte(`"failed": 1`), 1))
			},
			[]string{"manifest", "does not match its checksum"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 3_000
			b := harness.New(t)
			tg := harness.NewTarget(t, harness.Fixed(4*time.Millisecond))
			b.Worker()
			b.Write("in", harness.Lines(n))
			args := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", "10"}
			p := b.Longhaul(args...)
			b.Until("something committed", func() bool {
				info, err := os.Stat(b.Path("out"))
				return err == nil && info.Size() > 100
			})
			// Stopped, so that it can be mended to what it was; then harmed, and met by the same command.
			p.Signal(2)
			p.Ended(130)
			b.Temporal("workflow", "cancel", "--workflow-id", jobOf(p))
			b.Temporal("workflow", "result", "--workflow-id", jobOf(p))
			mend := c.save(b)
			c.harm(b)
			refused := b.Longhaul(args...).Ended(1)
			for _, want := range c.want {
				if !strings.Contains(refused.Errs(), want) {
					t.Errorf("does not say %q: %s", want, refused.Errs())
				}
			}
			mend()
			b.Longhaul(args...).Ended(0)
			b.Same("out", harness.Oracle(n))
			tg.Once(t, n)
		})
	}
}

// TestInputChangedUnderARunningJob edits the input while chunks of it run.
func TestInputChangedUnderARunningJob(t *testing.T) {
	const n = 20_000
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(4*time.Millisecond))
	b.Worker()
	b.Write("in", harness.Lines(n))
	p := b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", "10")
	b.Until("something requested", func() bool { total, _, _ := tg.Counts(); return total > 500 })
	b.Write("in", bytes.ReplaceAll(harness.Lines(n), []byte{'7'}, []byte{'8'}))
	p.Ended(1).Says("the input changed while the job ran")
	b.Start(harness.LonghaulProgram, "verify", "out").Ended(0)
	out := b.Read("out")
	if !bytes.HasPrefix(harness.Oracle(n), out) {
		t.Error("what was committed is not the beginning of the right output")
	}
}

func stat(b *harness.Bench, name string) os.FileInfo {
	b.T.Helper()
	info, err := os.Stat(b.Path(name))
	harness.Must(b.T, err)
	return info
}

// jobOf is the id of the job that a starter said it started.
func jobOf(p *harness.Process) string { return strings.Fields(p.Errs())[1] }
