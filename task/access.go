package task

import (
	"context"
	"net"
	"os"
)

// Access is what of its machine, and of the network, a worker lets its tasks use. The errors with which it refuses something fail a job, or a record, for good.
type Access interface {
	// File refuses the path of a file that a task may not read.
	File(path string) error
	// ReadFile reads a small file.
	ReadFile(path string) ([]byte, error)
	// Variable refuses the name of an environment variable that a task may not tell to anybody.
	Variable(name string) error
	// Dial is how a task connects to a host that its job names; nil where it may connect to any.
	Dial() func(ctx context.Context, network, address string) (net.Conn, error)
	// MaxResult is how many bytes a result may have; 0 is MaxResult.
	MaxResult() int64
}

// everything is the Access where no other is given.
type everything struct{}

func (everything) File(string) error                    { return nil }
func (everything) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }
func (everything) Variable(string) error                { return nil }
func (everything) MaxResult() int64                     { return 0 }

func (everything) Dial() func(ctx context.Context, network, address string) (net.Conn, error) {
	return nil
}

// access returns what the task may use.
func (c Config) access() Access {
	if c.Access == nil {
		return everything{}
	}
	return c.Access
}

// maxResult returns how many bytes a result may have.
func (c Config) maxResult() int64 {
	if n := c.access().MaxResult(); n > 0 {
		return min(n, MaxResult)
	}
	return MaxResult
}
