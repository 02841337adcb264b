package task

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/longhaul/longhaul/job"
)

// echo answers the record itself.
type echo struct{}

func newEcho(c Config) (Task, error) { return echo{}, decodeArgs(c.Args, &struct{}{}) }

func (echo) Instant() {}

func (echo) Do(_ context.Context, r Record) (Result, error) {
	return Result{Value: r.Input, JSON: r.JSON}, nil
}

// double waits, then answers twice the record, a decimal number.
type double struct {
	Delay job.Duration `json:"delay"`
}

func newDouble(c Config) (Task, error) {
	d := &double{Delay: job.Duration(time.Second)}
	if err := decodeArgs(c.Args, d); err != nil {
		return nil, err
	}
	if d.Delay < 0 {
		return nil, errors.New("args: delay: negative")
	}
	return d, nil
}

func (d *double) Do(ctx context.Context, r Record) (Result, error) {
	t := time.NewTimer(time.Duration(d.Delay))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return Result{}, ctx.Err()
	case <-t.C:
	}
	s := string(r.Input)
	if n, ok := new(big.Int).SetString(s, 10); ok {
		return Result{Value: n.Lsh(n, 1).Append(nil, 10), JSON: true}, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if f *= 2; err == nil && f-f == 0 { // neither NaN nor infinite, which are no JSON
		return Result{Value: strconv.AppendFloat(nil, f, 'g', -1, 64), JSON: true}, nil
	}
	return Result{}, Fail(Permanent, fmt.Errorf("%.100q is not a number", s))
}
