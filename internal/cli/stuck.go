package cli

import (
	"context"
	"strings"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
)

// lastEvents is how many events of a history are looked at from its end.
const lastEvents = 10

// stuck says why no worker goes on with a job: the last task of its workflow failed, as it does on a worker without the keys, or with another version of the workflow. It is
// empty where that is not so.
func (e *engine) stuck(ctx context.Context, id string) string {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	r, err := e.client.WorkflowService().GetWorkflowExecutionHistoryReverse(ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
		Namespace: e.settings.Namespace, Execution: &common.WorkflowExecution{WorkflowId: id}, MaximumPageSize: lastEvents,
	})
	if err != nil {
		return ""
	}
	for _, event := range r.GetHistory().GetEvents() {
		a := event.GetWorkflowTaskFailedEventAttributes()
		switch {
		case event.GetWorkflowTaskCompletedEventAttributes() != nil:
			return ""
		case a.GetCause() == enums.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR, a.GetCause() == enums.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE:
			f := a.GetFailure()
			converter.DecodeCommonFailureAttributes(e.settings.DataConverter, f)
			return "the workers cannot go on with it: " + strings.Join(strings.Fields(f.GetMessage()), " ")
		}
	}
	return ""
}

// silence says why a job does not answer, where that is known.
func (e *engine) silence(ctx context.Context, id string) string {
	if queues := e.unserved(ctx); len(queues) > 0 {
		return warnUnserved(e, queues)
	}
	return e.stuck(ctx, id)
}
