package output

import (
	"context"
	"errors"
)

// Rerun notes in the manifest that the failed records beyond the position are to be run again by the next run: this one, that of claim, stops for its failure budget.
func (o Output) Rerun(ctx context.Context, claim Claim) error { return o.setRerun(ctx, claim, true) }

// Rerunning takes that note back, when the failures are gone.
func (o Output) Rerunning(ctx context.Context, claim Claim) error {
	return o.setRerun(ctx, claim, false)
}

func (o Output) setRerun(ctx context.Context, claim Claim, rerun bool) (err error) {
	return o.update(ctx, claim, func(m *Manifest) { m.Rerun = rerun })
}

// update changes the manifest, under the lock, as the run of claim.
func (o Output) update(ctx context.Context, claim Claim, change func(*Manifest)) (err error) {
	l, err := o.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	m, err := o.Load()
	if err != nil {
		return err
	}
	if m.Claim != claim {
		return o.ClaimLost(m)
	}
	change(&m)
	return o.store(m)
}
