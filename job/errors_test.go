package job

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestErrorText(t *testing.T) {
	cause := errors.New("no space left")
	for name, c := range map[string]struct {
		err  Error
		want string
	}{
		"all":       {Error{Op: "append", Path: "/out", Err: cause, Hint: "free some"}, "append /out: no space left (free some)"},
		"no path":   {Error{Op: "spec", Err: cause}, "spec: no space left"},
		"no cause":  {Error{Op: "append", Path: "/out", Hint: "free some"}, "append /out (free some)"},
		"only what": {Error{Op: "append"}, "append"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.err.Error(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestErrorUnwrapsToItsCause(t *testing.T) {
	err := error(&Error{Kind: InputUnreadable, Op: "read", Err: fs.ErrNotExist})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not its cause", err)
	}
}

func TestKindOf(t *testing.T) {
	inner := &Error{Kind: Corrupt, Op: "read"}
	for name, c := range map[string]struct {
		err  error
		want Kind
	}{
		"nil":               {nil, ""},
		"another error":     {fs.ErrNotExist, ""},
		"itself":            {inner, Corrupt},
		"wrapped":           {fmt.Errorf("append: %w", inner), Corrupt},
		"joined":            {errors.Join(fs.ErrClosed, inner), Corrupt},
		"the outer of two":  {&Error{Kind: Storage, Op: "append", Err: inner}, Storage},
		"an error in words": {errors.New(inner.Error()), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := KindOf(c.err); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestKinds holds the names, which are in the histories of running workflows, and which of them Temporal tries again.
func TestKinds(t *testing.T) {
	for name, c := range map[string]struct {
		kind      Kind
		retryable bool
	}{
		"InvalidSpec":     {InvalidSpec, false},
		"InputUnreadable": {InputUnreadable, false},
		"InputChanged":    {InputChanged, false},
		"OutputExists":    {OutputExists, false},
		"OutputChanged":   {OutputChanged, false},
		"OutputClaimed":   {OutputClaimed, false},
		"ClaimLost":       {ClaimLost, false},
		"SpecChanged":     {SpecChanged, false},
		"UnknownVersion":  {UnknownVersion, false},
		"Corrupt":         {Corrupt, false},
		"Storage":         {Storage, false},
		"Outage":          {Outage, true},
		"Interrupted":     {Interrupted, true},
		"Unavailable":     {Unavailable, true},
	} {
		t.Run(name, func(t *testing.T) {
			if string(c.kind) != name || c.kind.Retryable() != c.retryable {
				t.Errorf("got %q, retryable %t; want %t", c.kind, c.kind.Retryable(), c.retryable)
			}
		})
	}
	if Kind("").Retryable() {
		t.Error("no kind is retryable")
	}
}
