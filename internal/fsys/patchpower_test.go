package fsys_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// complete makes an output of three records, the one in the middle failed.
func complete(t *rapid.T, p *powerFS) {
	o, c := output.At(p, outputPath), output.Claim{WorkflowID: "job", RunID: "first"}
	must := func(err error) {
		if err != nil {
			t.Fatalf("%v", err)
		}
	}
	_, err := o.Claim(context.Background(), output.ClaimRequest{Claim: c, Job: "first", Spec: output.Identity{Task: "echo", Format: job.FormatText}})
	must(err)
	a, _, err := o.Append(context.Background(), c, job.Position{})
	must(err)
	must(errors.Join(a.Line([]byte("a")), a.Line(nil), a.Line([]byte("c")), a.Failure([]byte(`{"record":1,"error":"first"}`))))
	_, err = a.Commit(3, 6, job.Totals{Failed: 1, Tries: 3}, true)
	must(errors.Join(err, a.Close()))
}

// retry is one run of the retry of that output, which ends when the power does.
func retry(p *powerFS, run int) error {
	ctx := context.Background()
	o, c := output.At(p, outputPath), output.Claim{WorkflowID: "job", RunID: fmt.Sprint("retry ", run)}
	nobody := func(context.Context, output.Claim) (bool, error) { return false, nil }
	m, err := o.ClaimRetry(ctx, c, nobody)
	if err != nil {
		return err
	}
	if m.Totals.Failed == 0 {
		return o.EndRetry()
	}
	size := int64(len(output.EncodeRetry(nil, 1, []byte("b"))))
	if err := o.WriteRetryInput(m, func(write func(int64, []byte) error) error { return write(1, []byte("b")) }); err != nil {
		return err
	}
	inner := o.Retry(m)
	im, err := inner.Claim(ctx, output.ClaimRequest{Claim: c, Job: c.RunID, Spec: output.Identity{Task: "echo", Format: job.FormatText}, Alive: nobody})
	if err != nil {
		return err
	}
	if !im.Complete {
		if err := answer(ctx, inner, c, size); err != nil {
			return err
		}
	}
	if _, err := o.Patch(ctx, c, inner); err != nil {
		return err
	}
	return o.EndRetry()
}

func answer(ctx context.Context, inner output.Output, c output.Claim, size int64) (err error) {
	a, _, err := inner.Append(ctx, c, job.Position{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := a.Line([]byte("b")); err != nil {
		return err
	}
	_, err = a.Commit(1, size, job.Totals{Tries: 1}, true)
	return err
}

// Whatever fails and whenever, what the manifest tells of stands, as verify sees it, and is what stood there before or what the retry made of it.
func TestAPatchOutlivesPowerLosses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPowerFS("/data")
		complete(t, p)
		for i := range rapid.IntRange(0, 4).Draw(t, "failures") {
			p.left = rapid.IntRange(0, 70).Draw(t, "calls until the failure")
			power(t, retry(p, i))
			crash(t, p)
			v, err := output.At(p, outputPath).Verify(context.Background())
			if err != nil {
				t.Fatalf("verify: %v", err)
			}
			if d := v.OutputDigest.SHA256; d != digest("a\n\nc\n") && d != digest("a\nb\nc\n") {
				t.Fatalf("the output is neither the old one nor the new one: %+v", v)
			}
		}
		if err := retry(p, 99); err != nil {
			t.Fatalf("without a failure: %v", err)
		}
		p.boot(true, fate(t))
		if got := contentOf(t, p, outputPath); got != "a\nb\nc\n" {
			t.Fatalf("the output holds %q", got)
		}
		if got := contentOf(t, p, outputPath+".longhaul/errors.jsonl"); got != "" {
			t.Fatalf("the errors file holds %q", got)
		}
		if v, err := output.At(p, outputPath).Verify(context.Background()); err != nil || v.Swap != "" || v.Totals.Failed != 0 {
			t.Fatalf("%+v, %v", v, err)
		}
	})
}
