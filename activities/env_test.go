package activities_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/longhaul/longhaul/job"
)

// circumstances are what an activity finds around it. The zero value is the first attempt on a worker that goes on.
type circumstances struct {
	ctx     context.Context // the worker's: when it ends, the activity is canceled
	stop    chan struct{}   // closed when the worker stops
	attempt int32
	// workflow and run are the ids of the workflow's run, where they are not the environment's own.
	workflow, run string
	client        any // a client.Client
	beat          func(job.Heartbeat)
}

// do runs an activity under some circumstances.
func do[Q, R any](t testing.TB, c circumstances, f func(context.Context, Q) (R, error), q Q) (r R, err error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: "activity"})
	env.SetWorkerOptions(worker.Options{
		BackgroundActivityContext: c.ctx, Interceptors: []interceptor.WorkerInterceptor{&stage{circumstances: c}},
	})
	if c.stop != nil {
		env.SetWorkerStopChannel(c.stop)
	}
	v, err := env.ExecuteActivity("activity", q)
	if err != nil {
		return r, err
	}
	return r, v.Get(&r)
}

// stage is an interceptor that shows activities the circumstances for which the test environment has no setter.
type stage struct {
	interceptor.WorkerInterceptorBase
	circumstances
}

func (s *stage) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &inbound{stage: s, ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type inbound struct {
	interceptor.ActivityInboundInterceptorBase
	stage *stage
}

func (i *inbound) Init(out interceptor.ActivityOutboundInterceptor) error {
	return i.Next.Init(newOutbound(activity.GetClient, i.stage.circumstances, out))
}

// outbound answers what an activity asks. C is the SDK's own interface of a client, which has no name outside of it.
type outbound[C any] struct {
	interceptor.ActivityOutboundInterceptorBase
	circumstances
}

func newOutbound[C any](_ func(context.Context) C, c circumstances, next interceptor.ActivityOutboundInterceptor) *outbound[C] {
	return &outbound[C]{interceptor.ActivityOutboundInterceptorBase{Next: next}, c}
}

// HasHeartbeatDetails answers as after attempts that all ended with an outage.
func (o *outbound[C]) HasHeartbeatDetails(context.Context) bool { return o.attempt > 1 }

func (o *outbound[C]) GetHeartbeatDetails(_ context.Context, d ...any) error {
	*d[0].(*job.Heartbeat) = job.Heartbeat{Outages: int64(o.attempt) - 1}
	return nil
}

func (o *outbound[C]) GetInfo(ctx context.Context) activity.Info {
	info := o.Next.GetInfo(ctx)
	info.Attempt = max(1, o.attempt)
	if o.workflow != "" {
		info.WorkflowExecution.ID = o.workflow
	}
	if o.run != "" {
		info.WorkflowExecution.RunID = o.run
	}
	return info
}

// GetClient answers, where the test has no client, with one of a workflow that knows of no targets.
func (o *outbound[C]) GetClient(context.Context) C {
	if o.client == nil {
		return any(temporalStub{}).(C)
	}
	return o.client.(C)
}

func (o *outbound[C]) RecordHeartbeat(ctx context.Context, details ...any) {
	if o.beat != nil && len(details) == 1 {
		o.beat(details[0].(job.Heartbeat))
	}
	o.Next.RecordHeartbeat(ctx, details...)
}

// wantKind checks that an activity failed with an error of the given kind, and returns its message.
func wantKind(t testing.TB, err error, kind job.Kind) string {
	t.Helper()
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		t.Fatalf("error %v, want one of kind %s", err, kind)
	}
	if app.Type() != string(kind) || app.NonRetryable() == kind.Retryable() {
		t.Fatalf("%s, non-retryable %v: %s; want %s", app.Type(), app.NonRetryable(), app.Message(), kind)
	}
	return app.Message()
}
