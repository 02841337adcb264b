package e2e

import (
	"maps"
	"os"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

func init() { maps.Copy(errorCases, inputErrorCases) }

// inputErrorCases are those of errorCases that are about what an input is made of.
var inputErrorCases = map[string]func(t *testing.T){
	"two fields of one name": func(t *testing.T) {
		b := refusedInput(t, "two fields of one name", []byte("x,x\n1,2\n"), "in", "--input-format", "csv")
		nothingBegun(b)
	},
	"pattern without a file": func(t *testing.T) {
		b := refusedInput(t, "pattern without a file", nil, "*.csv")
		nothingBegun(b)
	},
	"compressed input cut": func(t *testing.T) {
		whole := gzipped(t, harness.Lines(10_000))
		b := refusedInput(t, "compressed input cut", whole[:len(whole)/2], "in")
		b.Write("in", whole)
		b.Longhaul("in", "--output", "out", "--task", "echo", "--overwrite").Ended(0)
		b.Same("out", harness.Lines(10_000))
	},
	"compressed input that holds too much": func(t *testing.T) {
		b := refusedInput(t, "compressed input that holds too much", gzipped(t, harness.Lines(10_000)), "in", "--max-unpacked", "10kB")
		b.Longhaul("in", "--output", "out", "--task", "echo", "--max-unpacked", "1MB").Ended(0)
		b.Same("out", harness.Lines(10_000))
		b.Tidy("out")
	},
	"one file more": func(t *testing.T) {
		b := harness.New(t)
		b.Worker()
		b.Write("1.in", []byte("1\n"))
		b.Write("2.in", []byte("2\n"))
		args := []string{"*.in", "--output", "out", "--task", "echo"}
		b.Longhaul(args...).Ended(0)
		b.Write("3.in", []byte("3\n"))
		b.Documented("one file more", b.Longhaul(args...))
		harness.Must(t, os.Remove(b.Path("3.in")))
		b.Longhaul(args...).Ended(0)
		b.Same("out", []byte("1\n2\n"))
	},
	"another standard input": func(t *testing.T) {
		const n = 2_000
		b := harness.New(t)
		tg := harness.NewTarget(t, harness.Fixed(4*time.Millisecond))
		b.Worker()
		args := []string{"-", "--output", "out", "--http", tg.Template(), "--concurrency", "10"}
		b.Stdin = harness.Lines(n)
		p := b.Longhaul(args...)
		b.Until("something requested", func() bool { total, _, _ := tg.Counts(); return total > 100 })
		p.Kill()
		b.Stdin = []byte("another\n")
		b.Documented("another standard input", b.Longhaul(args...))
		b.Stdin = nil
		b.Longhaul(args...).Ended(0)
		b.Same("out", harness.Oracle(n))
		tg.Once(t, n)
		b.Tidy("out")
	},
	"standard input cut off": func(t *testing.T) {
		b := harness.New(t)
		b.Worker()
		harness.Must(t, os.MkdirAll(b.Path("out.longhaul/stdin"), 0o700))
		b.Write("out.longhaul/stdin/partial", []byte("1\n")) // as a killed command leaves it
		args := []string{"-", "--output", "out", "--task", "echo"}
		b.Documented("standard input cut off", b.Longhaul(args...))
		b.Stdin = []byte("1\n2\n")
		b.Longhaul(args...).Ended(0)
		b.Same("out", []byte("1\n2\n"))
	},
}

// refusedInput runs a job on an input that is refused as documented.
func refusedInput(t *testing.T, name string, content []byte, args ...string) *harness.Bench {
	b := harness.New(t)
	b.Worker()
	b.Write("in", content)
	b.Documented(name, b.Longhaul(append(args, "--output", "out", "--task", "echo")...))
	return b
}

func nothingBegun(b *harness.Bench) {
	b.T.Helper()
	for _, name := range []string{"out", "out.longhaul"} {
		if _, err := os.Stat(b.Path(name)); !os.IsNotExist(err) {
			b.T.Errorf("%s: %v", name, err)
		}
	}
}
