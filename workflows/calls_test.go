package workflows_test

import (
	"testing"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/workflows"
)

// spy notes the options of each activity that a workflow starts.
type spy struct {
	interceptor.WorkerInterceptorBase
	options map[string][]workflow.ActivityOptions
}

func (s *spy) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &spyInbound{interceptor.WorkflowInboundInterceptorBase{Next: next}, s}
}

type spyInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	spy *spy
}

func (i *spyInbound) Init(out interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&spyOutbound{interceptor.WorkflowOutboundInterceptorBase{Next: out}, i.spy})
}

type spyOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	spy *spy
}

func (o *spyOutbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.spy.options[name] = append(o.spy.options[name], workflow.GetActivityOptions(ctx))
	return o.Next.ExecuteActivity(ctx, name, args...)
}

func TestActivitiesAreCalledWithWhatTheyNeed(t *testing.T) {
	w := newWorld(40, fours(func(s *job.Spec) { s.Concurrency, s.Tuning.Lanes = 4, 1 }))
	s := &spy{options: map[string][]workflow.ActivityOptions{}}
	env := w.enter()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{s}, DeadlockDetectionTimeout: time.Minute})
	env.ExecuteWorkflow(job.WorkflowType, mustJSON(t, w.spec), workflows.Carried{})
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		queue   string
		patient bool // it may take hours, and be waited for when it is told to stop
		summary string
	}{
		job.ActivityPrepare:      {job.TaskQueue, false, "claim /data/out"},
		job.ActivityListChunks:   {job.TaskQueue, false, "from record 0 on"},
		job.ActivityProcessChunk: {job.TaskQueueIO, true, "records 0 to 3"},
		job.ActivityAppendOutput: {job.TaskQueue, false, "records 0 to 3"},
	} {
		t.Run(name, func(t *testing.T) {
			if len(s.options[name]) == 0 {
				t.Fatal("not called")
			}
			for i, o := range s.options[name] {
				if o.TaskQueue != tt.queue || o.HeartbeatTimeout != 10*time.Second || o.WaitForCancellation != tt.patient {
					t.Errorf("options %+v", o)
				}
				if o.StartToCloseTimeout < 10*time.Minute || o.ScheduleToCloseTimeout != 0 || o.ScheduleToStartTimeout != 0 {
					t.Errorf("time-outs %+v: a job may wait for a worker for as long as it takes", o)
				}
				if p := o.RetryPolicy; p == nil || p.MaximumAttempts != 0 || len(p.NonRetryableErrorTypes) > 0 || p.MaximumInterval > time.Minute {
					t.Errorf("retry policy %+v: what passes is to be tried again until it has passed", p)
				}
				if i == 0 && o.Summary != tt.summary {
					t.Errorf("summary %q, want %q", o.Summary, tt.summary)
				}
			}
		})
	}
}
