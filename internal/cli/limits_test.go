package cli

import (
	"reflect"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/longhaul/longhaul/job"
)

// limitsOf is the Spec that limit flags make of an empty one.
func limitsOf(t *testing.T, args ...string) job.Spec {
	t.Helper()
	var o limitOptions
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.register(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	var s job.Spec
	if err := o.apply(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLimitFlagsSetTheirFields(t *testing.T) {
	got := limitsOf(t, "--retries", "7", "--retry-delay", "2s", "--retry-max-delay", "3m", "--retry-factor", "1.5", "--rate", "5/m", "--burst", "6", "--max-failures", "4", "--outage-failures", "8", "--outage-attempts", "9")
	want := job.Spec{
		MaxFailures: "4", Rate: "5/m", Burst: 6,
		Retry: job.Retry{
			MaximumAttempts: 7, InitialInterval: job.Duration(2 * time.Second), MaximumInterval: job.Duration(3 * time.Minute), BackoffCoefficient: 1.5,
		},
		Tuning: job.Tuning{OutageFailures: 8, OutageAttempts: 9},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// The defaults that the help shows are those of the Spec, where they stand once.
func TestLimitFlagsThatAreNotGivenLeaveTheSpecItsDefaults(t *testing.T) {
	if got := limitsOf(t); !reflect.DeepEqual(got, job.Spec{}) {
		t.Errorf("got %+v", got)
	}
	if got := limitsOf(t, "--retry-delay", "1m").WithDefaults().Retry.MaximumInterval; got != job.Duration(time.Minute) {
		t.Errorf("the longest delay is %s, with a first one of 1m", got)
	}
	d := job.Spec{}.WithDefaults()
	var o limitOptions
	o.register(pflag.NewFlagSet("", pflag.ContinueOnError))
	shown := job.Spec{
		Retry: job.Retry{
			MaximumAttempts: o.tries, InitialInterval: job.Duration(o.firstDelay), MaximumInterval: job.Duration(o.longestDelay), BackoffCoefficient: o.factor,
		},
		Tuning: job.Tuning{OutageFailures: o.outageFailures, OutageAttempts: o.outageAttempts},
	}
	if shown.Retry != d.Retry || shown.Tuning.OutageFailures != d.Tuning.OutageFailures || shown.Tuning.OutageAttempts != d.Tuning.OutageAttempts {
		t.Errorf("the help shows %+v, the defaults are %+v and %+v", shown, d.Retry, d.Tuning)
	}
}
