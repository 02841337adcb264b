package devserver

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
)

// frontend is a server that answers DescribeNamespace with what it is given, in turn; the last answer is given on and on.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	answers []error
	asked   atomic.Int64
}

func (f *frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (f *frontend) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	n := int(f.asked.Add(1)) - 1
	if err := f.answers[min(n, len(f.answers)-1)]; err != nil {
		return nil, serviceerror.ToStatus(err).Err()
	}
	return &workflowservice.DescribeNamespaceResponse{}, nil
}

func TestAServerIsStuckWhenItsDatabaseRefusesEveryCall(t *testing.T) {
	refuses := serviceerror.NewUnavailable("GetNamespace operation failed. Error interrupted (9)")
	for name, tt := range map[string]struct {
		answers []error
		want    bool
	}{
		"it answers":           {[]error{nil}, false},
		"it refuses":           {[]error{refuses}, true},
		"it refuses at first":  {[]error{refuses, nil}, false},
		"it fails otherwise":   {[]error{serviceerror.NewInternal("shard status unknown")}, false},
		"it fails in any ways": {[]error{refuses, errors.New("not enough hosts"), refuses}, false},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			g := grpc.NewServer()
			workflowservice.RegisterWorkflowServiceServer(g, &frontend{answers: tt.answers})
			go g.Serve(l)
			defer g.Stop()
			s := &Server{options: Options{Client: client.Options{Logger: quiet{}}}}
			if got := s.stuck(t.Context(), Endpoint{Address: l.Addr().String()}); got != tt.want {
				t.Errorf("stuck: %v, want %v", got, tt.want)
			}
		})
	}
}

type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
