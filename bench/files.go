package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// input makes the input of so many records, the numbers from 0, a line each.
func (b *bench) input(records int) (string, error) {
	path := filepath.Join(b.dir, fmt.Sprintf("in-%d", records))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	var line []byte
	for i := range records {
		line = append(strconv.AppendInt(line[:0], int64(i), 10), '\n')
		if _, err := w.Write(line); err != nil {
			return "", errors.Join(err, f.Close())
		}
	}
	return path, errors.Join(w.Flush(), f.Close())
}

// answer appends the line that answers record n, with its newline.
func answer(b []byte, k kind, n int) []byte {
	if k == get {
		b = append(b, "result "...)
	}
	return append(strconv.AppendInt(b, int64(n), 10), '\n')
}

// checkOutput checks that an output is that of a sequential run: every candidate's is, so that they agree.
func checkOutput(g given) error {
	f, err := os.Open(g.output)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	var want []byte
	for n := range g.Records {
		want = answer(want[:0], g.Kind, n)
		got, err := r.ReadSlice('\n')
		if !bytes.Equal(got, want) {
			return fmt.Errorf("output: line %d is %.80q, want %q (%v)", n+1, got, want, err)
		}
	}
	if more, err := r.ReadSlice('\n'); !errors.Is(err, io.EOF) || len(more) > 0 {
		return fmt.Errorf("output: %.80q follows line %d, the last", more, g.Records)
	}
	return nil
}
