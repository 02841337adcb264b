package segment_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/segment"
)

// benchRecords is the records of a chunk in these benchmarks.
const benchRecords = 10_000

// benchFrames is the results of a chunk in an order near to that of the records, as tasks complete.
func benchFrames() []segment.Frame {
	fs := make([]segment.Frame, benchRecords)
	for i := range fs {
		index := i ^ 37 // within blocks of 64; the last, shorter one stays in order
		if i/64 == benchRecords/64 {
			index = i
		}
		fs[i] = segment.Frame{Index: index, Status: segment.Result, Tries: 1, Micros: 1000, Payload: strconv.AppendInt([]byte("result "), int64(index), 10)}
	}
	return fs
}

// inBatches writes frames to a new segment, so many at once.
func inBatches(b *testing.B, dir string, c job.Chunk, fs []segment.Frame, size int) *segment.Writer {
	w := open(b, fsys.OS, dir, c)
	for len(fs) > 0 {
		n := min(size, len(fs))
		must(b, w.Append(fs[:n]...))
		fs = fs[n:]
	}
	return w
}

// perRecord reports the time of one record.
func perRecord(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
}

func BenchmarkAppend(b *testing.B) {
	fs, c := benchFrames(), chunkOf(benchRecords)
	for name, size := range map[string]int{"one by one": 1, "batches of 256": 256} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			b.ReportAllocs()
			for b.Loop() {
				must(b, inBatches(b, dir, c, fs, size).Close())
				must(b, os.Remove(path(dir, c)))
			}
			perRecord(b)
		})
	}
}

// BenchmarkSeal syncs, so that it measures the disk more than anything.
func BenchmarkSeal(b *testing.B) {
	fs, c, dir := benchFrames(), chunkOf(benchRecords), b.TempDir()
	for b.Loop() {
		b.StopTimer()
		w := inBatches(b, dir, c, fs, benchRecords)
		b.StartTimer()
		_, err := w.Seal()
		b.StopTimer()
		must(b, err)
		must(b, w.Close())
		must(b, os.Remove(path(dir, c)))
		b.StartTimer()
	}
}

// BenchmarkRead reads a sealed segment in record order.
func BenchmarkRead(b *testing.B) {
	c, dir := chunkOf(benchRecords), b.TempDir()
	w := inBatches(b, dir, c, benchFrames(), benchRecords)
	_, err := w.Seal()
	must(b, err)
	must(b, w.Close())
	b.ReportAllocs()
	for b.Loop() {
		r, err := segment.OpenReader(fsys.OS, dir, gen, c)
		must(b, err)
		for i := range c.Records {
			_, err := r.Read(i)
			must(b, err)
		}
		must(b, r.Close())
	}
	perRecord(b)
}

// BenchmarkRecover opens a segment that has every frame but no index.
func BenchmarkRecover(b *testing.B) {
	c, dir := chunkOf(benchRecords), b.TempDir()
	must(b, inBatches(b, dir, c, benchFrames(), benchRecords).Close())
	b.ReportAllocs()
	for b.Loop() {
		w := open(b, fsys.OS, dir, c)
		if w.Missing() > 0 {
			b.Fatalf("%d records are missing", w.Missing())
		}
		must(b, w.Close())
	}
	perRecord(b)
}
