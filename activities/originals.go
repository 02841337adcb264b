package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/longhaul/longhaul/input"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// originals reads records of an output's input, in rising order. It opens the input when it is first asked for one.
type originals struct {
	activities    *Activities
	out           output.Output
	manifest      output.Manifest
	unpackedBytes int64

	in     *input.Input
	gone   bool        // it was standard input
	page   []job.Chunk // from the chunk in hand on
	last   bool        // the page is the last one
	listed job.Chunk   // the last one listed
	reader *input.Reader
}

// record returns the record of that number, valid until the next; nil where it cannot be had any more.
func (o *originals) record(ctx context.Context, number int64) ([]byte, error) {
	if err := o.open(ctx); err != nil || o.gone {
		return nil, err
	}
	for {
		if err := o.seek(ctx, number); err != nil {
			return nil, err
		}
		if len(o.page) == 0 {
			return nil, o.changed(number)
		}
		c := o.page[0]
		if o.reader == nil {
			r, err := o.in.Reader(c)
			if err != nil {
				return nil, err
			}
			o.reader = r
		}
		record, i, err := o.reader.Next()
		var bad *input.RecordError
		switch {
		case errors.Is(err, io.EOF):
			return nil, o.changed(number)
		case err != nil && !errors.As(err, &bad):
			return nil, err
		case o.manifest.Spec.Number(c.First+int64(i)) == number:
			return record, nil
		}
	}
}

// seek brings the chunk with the record of that number to the page's beginning.
func (o *originals) seek(ctx context.Context, number int64) error {
	for {
		for len(o.page) > 0 && o.manifest.Spec.Number(o.page[0].End()-1) < number {
			o.page, o.reader = o.page[1:], nil
		}
		if len(o.page) > 0 || o.last {
			return nil
		}
		p, err := o.in.List(ctx, job.ListRequest{
			Record: o.listed.End(), Offset: o.listed.EndOffset(), Chunks: 64, Records: 100_000, Bytes: 32 << 20,
		})
		if err != nil {
			return err
		}
		o.page, o.last = p.Chunks, p.End || len(p.Chunks) == 0
		if n := len(p.Chunks); n > 0 {
			o.listed = p.Chunks[n-1]
		}
	}
}

func (o *originals) changed(number int64) error {
	return input.Changed(o.manifest.Input.Paths().String(), fmt.Errorf("it has no record %d any more", number))
}

func (o *originals) open(ctx context.Context) error {
	if o.in != nil || o.gone {
		return nil
	}
	if slices.Equal(o.manifest.Input.Paths(), job.Paths{o.out.StdinPath(o.manifest.Input)}) {
		o.gone = true
		return nil
	}
	l := o.activities.layout(o.out, o.manifest)
	if err := input.Unpack(ctx, o.activities.fs(), l, o.unpackedBytes); err != nil {
		return err
	}
	var err error
	o.in, err = input.Open(l)
	return err
}

// close closes the input, and removes what was unpacked of it.
func (o *originals) close() error {
	if o.in == nil {
		return nil
	}
	return errors.Join(o.in.Close(), input.RemoveUnpacked(o.activities.fs(), o.out.Unpacked()))
}
