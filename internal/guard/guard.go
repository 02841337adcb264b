package guard

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/job"
)

// Policy is an operator's limits. It is safe for concurrent use. A nil Policy lets jobs do everything.
type Policy struct {
	Ceilings
	roots     *fsys.Roots // nil: anywhere
	tasks     []string    // nil: all
	hosts     []hostRule  // nil: all
	noPrivate bool
	noSelect  bool
	resolver  *net.Resolver
	variables []string // patterns; nil: all but the worker's own
}

// Options is an operator's limits as they are given.
type Options struct {
	// Roots are folders; none means that files may be anywhere.
	Roots []string
	// Tasks are the names of the tasks that are allowed; nil means all.
	Tasks []string
	// Hosts are patterns of the hosts that requests may go to; none means all. See ParseHost.
	Hosts []string
	// DenyPrivate refuses the addresses that are not of the public Internet.
	DenyPrivate bool
	// Variables are patterns, by path.Match, of the environment variables that requests may tell; none means all but the worker's own.
	Variables []string
	// DenySelect refuses the expressions of jobs.
	DenySelect bool
	Ceilings   Ceilings
	// Resolver looks hosts up; nil is the system's.
	Resolver *net.Resolver
}

// New makes a Policy. Its errors are those of the options.
func New(o Options) (_ *Policy, err error) {
	p := &Policy{Ceilings: o.Ceilings, tasks: o.Tasks, noPrivate: o.DenyPrivate, noSelect: o.DenySelect, resolver: o.Resolver, variables: o.Variables}
	for _, pattern := range o.Hosts {
		r, err := parseHost(pattern)
		if err != nil {
			return nil, err
		}
		p.hosts = append(p.hosts, r)
	}
	for _, pattern := range o.Variables {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return nil, fmt.Errorf("variable %q: it is no name, and no pattern of names", pattern)
		}
	}
	if err := o.Ceilings.validate(); err != nil {
		return nil, err
	}
	if len(o.Roots) > 0 {
		if p.roots, err = fsys.Within(o.Roots...); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Close lets go of the folders.
func (p *Policy) Close() error {
	if p == nil || p.roots == nil {
		return nil
	}
	return p.roots.Close()
}

// FS is where outputs may be.
func (p *Policy) FS() fsys.FS {
	if p == nil || p.roots == nil {
		return fsys.OS
	}
	return p.roots
}

// Inputs is where inputs may be.
func (p *Policy) Inputs() fsys.Inputs {
	if p == nil || p.roots == nil {
		return fsys.OSInputs
	}
	return p.roots
}

// refused is the error of something that jobs may not do.
func refused(op, path, hint, format string, args ...any) error {
	return &job.Error{Kind: job.Refused, Op: op, Path: path, Err: fmt.Errorf(format, args...), Hint: hint}
}

const hintRoot = "use a folder that the worker may use, or have its operator allow this one with --root"

// File refuses a path that does not stand within the worker's folders as it is written. Where links lead is found out when it is opened.
func (p *Policy) File(path string) error {
	if p == nil || p.roots == nil {
		return nil
	}
	return Refusal("open", p.roots.Check(path))
}

// Refusal words the error of a path that leads out of the worker's folders, whatever it is wrapped in. It returns nil for any other.
func Refusal(op string, err error) error {
	var outside *fsys.OutsideError
	if !errors.As(err, &outside) {
		return nil
	}
	return refused(op, outside.Path, hintRoot, "this worker may not use it: %s", outside.Reason())
}

// maxFile bounds what ReadFile reads: certificates and keys.
const maxFile = 16 << 20

// ReadFile reads a small file.
func (p *Policy) ReadFile(path string) ([]byte, error) {
	if p == nil || p.roots == nil {
		return os.ReadFile(path)
	}
	f, err := p.roots.OpenInput(path)
	if err != nil {
		return nil, cmp.Or(Refusal("open", err), err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s: it has more than %d MiB", path, maxFile>>20)
	}
	return b, err
}

// own begins the names of the variables that are the worker's: its credentials are among them.
var own = []string{"TEMPORAL_", "LONGHAUL_"}

// Variable refuses an environment variable that no request may tell.
func (p *Policy) Variable(name string) error {
	if p == nil {
		return nil
	}
	const hint = "use another, or have the worker's operator allow it with --allow-env"
	allowed := slices.ContainsFunc(p.variables, func(pattern string) bool { ok, _ := path.Match(pattern, name); return ok })
	switch {
	case allowed:
		return nil
	case len(p.variables) > 0:
		return refused("spec", "", hint, "the environment variable %s: this worker tells only %s", name, strings.Join(p.variables, ", "))
	case slices.ContainsFunc(own, func(prefix string) bool { return strings.HasPrefix(strings.ToUpper(name), prefix) }):
		return refused("spec", "", hint, "the environment variable %s: it is the worker's own", name)
	}
	return nil
}
