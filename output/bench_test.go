package output_test

import (
	"testing"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// BenchmarkAppend commits 10,000 lines: syncs of the disk among it where the name says so.
func BenchmarkAppend(b *testing.B) {
	const records = 10_000
	line := []byte(`{"id":123456,"name":"somebody","score":1.25}`)
	for name, fs := range map[string]fsys.FS{"synced": fsys.OS, "not synced": nil} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b)
			if fs == nil {
				fs = w.fs
			}
			out := w.through(fs)
			r := request("bench", "1")
			m, err := out.Claim(b.Context(), r)
			must(b, err)
			b.ReportAllocs()
			for b.Loop() {
				m = appendMany(b, out, r.Claim, m.Position, line, records)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
		})
	}
}

func appendMany(b *testing.B, out output.Output, c output.Claim, from job.Position, line []byte, records int) output.Manifest {
	a, _, err := out.Append(b.Context(), c, from)
	must(b, err)
	for range records {
		must(b, a.Line(line))
	}
	n := from.Records + int64(records)
	m, err := a.Commit(n, 10*n, job.Totals{Tries: int64(records)}, false)
	must(b, err)
	must(b, a.Close())
	return m
}
