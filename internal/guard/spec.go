package guard

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/longhaul/longhaul/job"
)

// Ceilings are what no job may exceed. A 0 is no ceiling of its own: the bounds of the Spec hold in any case.
type Ceilings struct {
	Concurrency, ChunkRecords, WindowChunks             int
	ChunkBytes, WindowBytes, ResultBytes, UnpackedBytes int64
	Timeout                                             time.Duration
}

func (c Ceilings) validate() error {
	for _, n := range []int64{int64(c.Concurrency), int64(c.ChunkRecords), int64(c.WindowChunks), c.ChunkBytes, c.WindowBytes, c.ResultBytes, c.UnpackedBytes, int64(c.Timeout)} {
		if n < 0 {
			return fmt.Errorf("%d: a ceiling cannot be negative", n)
		}
	}
	return nil
}

// Job refuses a Spec that asks for more than the worker allows. It has its defaults.
func (p *Policy) Job(s job.Spec) error {
	if p == nil {
		return nil
	}
	if p.tasks != nil && !slices.Contains(p.tasks, s.Task.Name) {
		allowed := "none"
		if len(p.tasks) > 0 {
			allowed = strings.Join(p.tasks, ", ")
		}
		return refused("spec", "", "use one of those, or have the worker's operator allow it with --allow-task",
			"task.name: this worker does not allow the task %s; it allows %s", s.Task.Name, allowed)
	}
	if p.noSelect && s.SelectInput+s.Select != "" {
		return refused("spec", "", "leave selectInput and select out, or have the worker's operator allow them", "select: this worker does not run expressions")
	}
	paths := append(slices.Clone(s.Input), s.Output)
	if s.Patch != nil {
		paths = append(paths, s.Patch.Output)
	}
	for _, path := range paths {
		if err := p.File(path); err != nil {
			return err
		}
	}
	return p.withinCeilings(s)
}

func (p *Policy) withinCeilings(s job.Spec) error {
	t := s.Tuning
	for _, err := range []error{
		atMost("concurrency", "--max-concurrency", s.Concurrency, p.Concurrency),
		atMost("timeout", "--max-timeout", s.Timeout, job.Duration(p.Timeout)),
		atMost("tuning.chunkRecords", "--max-chunk-records", t.ChunkRecords, p.ChunkRecords),
		atMost("tuning.chunkBytes", "--max-chunk-bytes", t.ChunkBytes, p.ChunkBytes),
		atMost("tuning.windowChunks", "--max-window-chunks", t.WindowChunks, p.WindowChunks),
		atMost("tuning.windowBytes", "--max-window-bytes", t.WindowBytes, p.WindowBytes),
		atMost("unpackedBytes", "--max-unpacked", s.UnpackedBytes, p.UnpackedBytes),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// atMost refuses a value above a ceiling, where there is one.
func atMost[T int | int64 | job.Duration](field, flag string, v, ceiling T) error {
	if ceiling == 0 || v <= ceiling {
		return nil
	}
	return refused("spec", "", "ask for that much at most, or have the worker's operator raise "+flag, "%s: %v is more than this worker allows, which is %v", field, v, ceiling)
}

// Chunk refuses a chunk that no workflow of longhaul would ask this worker for.
func (p *Policy) Chunk(q job.ProcessRequest) error {
	if p == nil {
		return nil
	}
	s := q.Spec.WithDefaults() // a workflow task of an older worker may have asked
	if err := p.Job(s); err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return err
	}
	const hint = "nothing but longhaul's own workflow should ask for chunks"
	c := q.Chunk
	switch {
	case q.Slots < 1 || q.Slots > s.Concurrency:
		return refused("process", "", hint, "slots: %d is not within 1 to the job's concurrency, which is %d", q.Slots, s.Concurrency)
	case c.First < 0 || c.Offset < 0 || c.Records < 1 || c.Length < 1:
		return refused("process", "", hint, "chunk: %d records and %d bytes, from record %d and byte %d, are impossible", c.Records, c.Length, c.First, c.Offset)
	}
	return atMost("chunk.records", "--max-chunk-records", c.Records, p.ChunkRecords)
}

// maxPage is how many chunks one listing may ask for; longhaul's own workflow asks for far fewer.
const maxPage = 10_000

// List refuses a listing of chunks larger than the worker allows.
func (p *Policy) List(q job.ListRequest) error {
	if p == nil {
		return nil
	}
	if err := p.File(q.Output); err != nil {
		return err
	}
	if q.Chunks > maxPage {
		return refused("list", "", "nothing but longhaul's own workflow should ask for them", "%d chunks at once are more than %d", q.Chunks, maxPage)
	}
	for _, err := range []error{
		atMost("records", "--max-chunk-records", q.Records, p.ChunkRecords),
		atMost("bytes", "--max-chunk-bytes", q.Bytes, p.ChunkBytes),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// MaxResult is how many bytes a result may have; 0 is no ceiling.
func (p *Policy) MaxResult() int64 {
	if p == nil {
		return 0
	}
	return p.ResultBytes
}

// MaxConcurrency is how many tasks of a job may be in flight; 0 is no ceiling.
func (p *Policy) MaxConcurrency() int {
	if p == nil {
		return 0
	}
	return p.Concurrency
}

// MaxUnpacked is what one compressed file may unpack to; 0 is no ceiling.
func (p *Policy) MaxUnpacked() int64 {
	if p == nil {
		return 0
	}
	return p.UnpackedBytes
}
