package output

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

const retryPrefix = "retry-"

// retryDir is the folder of the retry that a complete output of this manifest is open to: another one after each patch, and after the output was begun anew.
func (o Output) retryDir(m Manifest) string {
	return filepath.Join(o.Dir(), fmt.Sprintf("%s%.8s-%d", retryPrefix, m.Generation, m.Patches))
}

// Retry is the output of that retry.
func (o Output) Retry(m Manifest) Output { return At(o.fs, filepath.Join(o.retryDir(m), "out")) }

// RetryInput is the path of the file with its records.
func (o Output) RetryInput(m Manifest) string { return filepath.Join(o.retryDir(m), "records") }

func (o Output) newOutput(folder string) string { return filepath.Join(o.Dir(), folder, "output") }
func (o Output) newErrors(folder string) string {
	return filepath.Join(o.Dir(), folder, "errors.jsonl")
}

// Path is the output's own path.
func (o Output) Path() string { return o.path }

// RetryBegun says whether a retry was begun whose traces are still there.
func (o Output) RetryBegun() (bool, error) {
	names, err := o.retries()
	return len(names) > 0, err
}

func (o Output) retries() (names []string, err error) {
	all, err := o.fs.ReadDir(o.Dir())
	for _, name := range all {
		if strings.HasPrefix(name, retryPrefix) {
			names = append(names, name)
		}
	}
	return names, err
}

// ClaimRetry makes the claim that of a complete output, as a job that is to patch it, puts a patch in place that was cut off, and removes what is left of other retries. It
// refuses an output that is not complete, or that a job which is alive has.
func (o Output) ClaimRetry(ctx context.Context, claim Claim, alive func(context.Context, Claim) (bool, error)) (m Manifest, err error) {
	if _, err := o.Load(); err != nil {
		return m, o.noOutput("retry", err)
	}
	l, err := o.lock(ctx)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if m, err = o.Load(); err != nil {
		return m, err
	}
	if err := o.refuseAlive(ctx, m.Claim, ClaimRequest{Claim: claim, Alive: alive}); err != nil {
		return m, err
	}
	if err := o.retriable(m); err != nil {
		return m, err
	}
	if m, err = o.finishSwap(m); err != nil {
		return m, err
	}
	m.Claim = claim
	if err := o.store(m); err != nil {
		return m, err
	}
	return m, o.removeRetries(filepath.Base(o.retryDir(m)))
}

// ToRetry reads the manifest of an output that can be retried, and refuses one that is not complete.
func (o Output) ToRetry() (Manifest, error) {
	m, err := o.Load()
	if err != nil {
		return m, o.noOutput("retry", err)
	}
	return m, o.retriable(m)
}

// retriable refuses an output that is not complete, and one in which a failed record has no place of its own.
func (o Output) retriable(m Manifest) error {
	if m.Complete && m.Spec.Order == job.OrderCompletion {
		return &job.Error{
			Kind: job.InvalidSpec, Op: "retry", Path: o.path, Err: errors.New("its lines stand in the order of completion, in which a failed record has no place"),
			Hint: "run the inputs that its errors file tells of as a job of their own",
		}
	}
	if m.Complete {
		return nil
	}
	return &job.Error{
		Kind: job.OutputClaimed, Op: "retry", Path: o.path, Err: errors.New("the job is unfinished"),
		Hint: "finish it first: the same command as before resumes it",
	}
}

// noOutput words the error of a path that has no manifest beside it.
func (o Output) noOutput(op string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &job.Error{Kind: job.OutputChanged, Op: op, Path: o.path, Err: errors.New("it has no manifest beside it"), Hint: "is this an output of longhaul?"}
}

// removeRetries removes the folders of retries, but keep.
func (o Output) removeRetries(keep string) error {
	names, err := o.retries()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == keep {
			continue
		}
		if err := removeTree(o.fs, filepath.Join(o.Dir(), name)); err != nil {
			return err
		}
	}
	return nil
}

// removeTree removes a folder and what is in it.
func removeTree(disk fsys.FS, path string) error {
	fi, err := disk.Stat(path)
	if err != nil {
		return ignoreMissing(err)
	}
	if fi.IsDir() {
		names, err := disk.ReadDir(path)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := removeTree(disk, filepath.Join(path, name)); err != nil {
				return err
			}
		}
	}
	return ignoreMissing(disk.Remove(path))
}

// WriteRetryInput makes the file of the records to be retried, unless it is there: put hands each to write, in order. The file is there under its name only once it is whole and synced.
func (o Output) WriteRetryInput(m Manifest, put func(write func(number int64, record []byte) error) error) error {
	path := o.RetryInput(m)
	if _, err := o.fs.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := o.makeDir(o.retryDir(m)); err != nil {
		return err
	}
	if err := o.writeRetryInput(path+".tmp", put); err != nil {
		return err
	}
	if err := o.fs.Rename(path+".tmp", path); err != nil {
		return err
	}
	return o.fs.SyncDir(filepath.Dir(path))
}

func (o Output) writeRetryInput(path string, put func(write func(number int64, record []byte) error) error) (err error) {
	f, err := o.fs.OpenWrite(path, true, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Truncate(0); err != nil {
		return err
	}
	buf := bufio.NewWriterSize(io.NewOffsetWriter(f, 0), tailBuffer)
	var b []byte
	err = put(func(number int64, record []byte) error {
		b = EncodeRetry(b[:0], number, record)
		_, err := buf.Write(b)
		return err
	})
	return errors.Join(err, buf.Flush(), f.Sync())
}

// retryEnd ends a record in the file of a retry, and retryEscape stands before what replaces these two bytes within one.
const (
	retryEnd    = 0x00
	retryEscape = 0x01
)

// EncodeRetry appends a record to be retried, with its number in the input and its end.
func EncodeRetry(b []byte, number int64, record []byte) []byte {
	b = strconv.AppendInt(b, number, 10)
	b = append(b, ' ')
	for _, c := range record {
		if c == retryEnd || c == retryEscape {
			b = append(b, retryEscape)
			c += '0'
		}
		b = append(b, c)
	}
	return append(b, retryEnd)
}

// DecodeRetry reads what EncodeRetry wrote, without its end. The record may be a part of b.
func DecodeRetry(b []byte) (number int64, record []byte, err error) {
	head, record, found := bytes.Cut(b, []byte{' '})
	number, err = strconv.ParseInt(string(head), 10, 64)
	if !found || err != nil || number < 0 {
		return 0, nil, fmt.Errorf("%.40q is no record of a retry", b)
	}
	if bytes.IndexByte(record, retryEscape) < 0 {
		return number, record, nil
	}
	plain := make([]byte, 0, len(record))
	for i := 0; i < len(record); i++ {
		c := record[i]
		if c == retryEscape {
			if i++; i == len(record) || record[i] != '0' && record[i] != '1' {
				return 0, nil, fmt.Errorf("record %d of a retry: an escape that is none", number)
			}
			c = record[i] - '0'
		}
		plain = append(plain, c)
	}
	return number, plain, nil
}
