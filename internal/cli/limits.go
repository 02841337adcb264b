package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/longhaul/longhaul/job"
)

// limitOptions is the flags that say how hard a job tries, and when it gives up.
type limitOptions struct {
	tries                          int
	firstDelay, longestDelay       time.Duration
	factor                         float64
	outageFailures, outageAttempts int
	maxFailures, rate              string
	burst                          int

	set *pflag.FlagSet
}

func (o *limitOptions) register(f *pflag.FlagSet) {
	o.set = f
	f.StringVar(&o.rate, "rate", "", "`tries` that may begin, over all workers together: 100/s, 30/m or 5/h (default: no bound)")
	f.IntVar(&o.burst, "burst", 0, "`tries` more than --rate that may begin in any stretch of time (default: a second's worth, at least 1)")
	f.IntVar(&o.tries, "retries", 5, "`tries` of a task in all")
	f.DurationVar(&o.firstDelay, "retry-delay", 500*time.Millisecond, "longest delay before the second try; half of it at least")
	f.DurationVar(&o.longestDelay, "retry-max-delay", 30*time.Second, "longest delay before any try")
	f.Float64Var(&o.factor, "retry-factor", 2, "`factor` by which the delay grows from try to try")
	f.StringVar(&o.maxFailures, "max-failures", string(job.DefaultBudget), "`N` records, or P% of those done once 100 are, that may fail before the job stops; 0: none")
	f.IntVar(&o.outageFailures, "outage-failures", 10, "`records` in a row, their tries used up with no success between, that count as an outage")
	f.IntVar(&o.outageAttempts, "outage-attempts", 3, "`times` that fewer records than that are tried anew, where nothing else tells whether the far side is up")
}

// apply sets the fields of a Spec. What was not given is left to its default, which may depend on what was.
func (o *limitOptions) apply(s *job.Spec) error {
	if o.set.Changed("burst") && o.rate == "" {
		return usage(errors.New("--burst goes with --rate"))
	}
	for _, f := range []struct {
		flag string
		bad  bool
		set  func()
	}{
		{"rate", o.rate == "", func() { s.Rate = job.Rate(o.rate) }},
		{"burst", o.burst < 1, func() { s.Burst = o.burst }},
		{"retries", o.tries < 1, func() { s.Retry.MaximumAttempts = o.tries }},
		{"retry-delay", o.firstDelay <= 0, func() { s.Retry.InitialInterval = job.Duration(o.firstDelay) }},
		{"retry-max-delay", o.longestDelay <= 0, func() { s.Retry.MaximumInterval = job.Duration(o.longestDelay) }},
		{"retry-factor", !(o.factor > 0), func() { s.Retry.BackoffCoefficient = o.factor }},
		{"max-failures", o.maxFailures == "", func() { s.MaxFailures = job.Budget(o.maxFailures) }},
		{"outage-failures", o.outageFailures < 1, func() { s.Tuning.OutageFailures = o.outageFailures }},
		{"outage-attempts", o.outageAttempts < 1, func() { s.Tuning.OutageAttempts = o.outageAttempts }},
	} {
		if !o.set.Changed(f.flag) {
			continue
		}
		if f.bad { // 0 would mean the default
			return usage(fmt.Errorf("--%s must be positive", f.flag))
		}
		f.set()
	}
	return nil
}
