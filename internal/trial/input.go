// Package trial looks at a job before it is begun: it shows, or does, its first records in this process, and leaves nothing behind.
package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/longhaul/longhaul/input"
	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// Input is the input of a job. What must be unpacked, and standard input, are kept in a folder for temporary files until Close.
type Input struct {
	spec job.Spec
	id   string
	dir  string
	in   *input.Input
}

// Open opens the input of a Spec whose job would have that id. Where the Spec names none it is what stdin gives. Its errors are *job.Error, or those of
// the folder for temporary files.
func Open(ctx context.Context, s job.Spec, id string, stdin io.Reader) (_ *Input, err error) {
	i := &Input{spec: s, id: id}
	if i.dir, err = os.MkdirTemp("", "longhaul-trial-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, i.Close())
		}
	}()
	if len(s.Input) == 0 {
		path := filepath.Join(i.dir, "stdin")
		if err := keep(ctx, path, stdin); err != nil {
			return nil, err
		}
		i.spec.Input = job.Paths{path}
	}
	l := input.Layout{Format: s.InputFormat, Selection: s.Selection, Unpacked: filepath.Join(i.dir, "unpacked")}
	if l.Files, err = input.Find(nil, i.spec.Input, s.Output); err != nil {
		return nil, err
	}
	if err := input.Check(l); err != nil {
		return nil, err
	}
	if err := input.Unpack(ctx, fsys.OS, l, s.UnpackedBytes); err != nil {
		return nil, err
	}
	i.in, err = input.Open(l)
	return i, err
}

// keep keeps standard input at path.
func keep(ctx context.Context, path string, stdin io.Reader) error {
	if stdin == nil {
		return errors.New("read input -: standard input is a terminal: give it something to read")
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(f, stdin)
		done <- errors.Join(err, f.Close())
	}()
	select {
	case err = <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close removes what was kept.
func (i *Input) Close() error {
	var err error
	if i.in != nil {
		err = i.in.Close()
	}
	return errors.Join(err, os.RemoveAll(i.dir))
}

// pageChunks is how many chunks are listed at once.
const pageChunks = 64

// chunks calls f for the chunks of the input, each as large as the Spec allows and none of more than limit records, where that is not 0, until f says no more.
func (i *Input) chunks(ctx context.Context, limit int64, f func(job.Chunk) (more bool, err error)) error {
	q := job.ListRequest{Chunks: pageChunks, Records: i.spec.Tuning.ChunkRecords, Bytes: i.spec.Tuning.ChunkBytes}
	if limit > 0 {
		q.Chunks, q.Records = 1, int(min(int64(q.Records), limit))
	}
	for {
		p, err := i.in.List(ctx, q)
		if err != nil {
			return err
		}
		for _, c := range p.Chunks {
			if more, err := f(c); err != nil || !more {
				return err
			}
			q.Record, q.Offset = c.End(), c.EndOffset()
		}
		if p.End {
			return nil
		}
	}
}

// Count counts the records, and the chunks of the largest size that the Spec allows. It reads all of the input.
func (i *Input) Count(ctx context.Context) (records, chunks int64, err error) {
	err = i.chunks(ctx, 0, func(c job.Chunk) (bool, error) {
		records += int64(c.Records)
		chunks++
		return true, nil
	})
	return records, chunks, err
}

// Each calls f for the first n records. bad is why one breaks a rule of its format.
func (i *Input) Each(ctx context.Context, n int64, f func(r task.Record, bad *input.RecordError) error) error {
	return i.chunks(ctx, n, func(c job.Chunk) (bool, error) {
		r, err := i.in.Reader(c)
		if err != nil {
			return false, err
		}
		for n > 0 {
			b, index, err := r.Next()
			var bad *input.RecordError
			switch {
			case errors.Is(err, io.EOF):
				return true, nil
			case err != nil && !errors.As(err, &bad):
				return false, err
			}
			n--
			record := task.Record{
				Number: i.spec.Number(c.First + int64(index)), Input: append([]byte(nil), b...), JSON: i.spec.InputFormat.JSON(), Job: i.id,
			}
			if err := f(record, bad); err != nil {
				return false, err
			}
		}
		return false, nil
	})
}

// describe is a number of records in words.
func describe(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%s %ss", comma(n), noun)
}
