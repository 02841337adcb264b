package job

import (
	"errors"
	"strings"
)

// Kind tells the failures of a job apart. It is the type name of the Temporal application error, so it never changes.
type Kind string

// The kinds of Error. All but Outage, Interrupted and Unavailable are final for the run: another try would meet the same.
const (
	// InvalidSpec: the Spec is impossible, or names what this worker does not have.
	InvalidSpec Kind = "InvalidSpec"
	// Refused: the operator of the worker does not let jobs do this.
	Refused Kind = "Refused"
	// InputUnreadable: the input is missing, no file, or cannot be read.
	InputUnreadable Kind = "InputUnreadable"
	// InputChanged: the input is not the one that the output was begun with.
	InputChanged Kind = "InputChanged"
	// OutputExists: a file that longhaul did not begin stands at the output's path.
	OutputExists Kind = "OutputExists"
	// OutputChanged: the output, or its folder, was changed by somebody else.
	OutputChanged Kind = "OutputChanged"
	// OutputClaimed: another job that is alive writes this output.
	OutputClaimed Kind = "OutputClaimed"
	// ClaimLost: another run has claimed the output since; the workflow continues as new and asks again.
	ClaimLost Kind = "ClaimLost"
	// SpecChanged: the output was begun with another task or format.
	SpecChanged Kind = "SpecChanged"
	// UnknownVersion: a file on disk is of a version that this program does not know.
	UnknownVersion Kind = "UnknownVersion"
	// Corrupt: a file on disk that cannot be made anew fails its checks.
	Corrupt Kind = "Corrupt"
	// TooManyFailures: more records failed than the Spec allows. What is not committed of them is run again by the next run.
	TooManyFailures Kind = "TooManyFailures"
	// Storage: the disk is full, or the path may not be written.
	Storage Kind = "Storage"
	// Outage: the far side of the tasks is down; the chunk waits and goes on by itself.
	Outage Kind = "Outage"
	// Interrupted: the worker stops; another one, or the same after a restart, goes on.
	Interrupted Kind = "Interrupted"
	// Unavailable: something that may pass, tried again.
	Unavailable Kind = "Unavailable"
)

// Retryable says whether the same call may succeed later without anybody's help.
func (k Kind) Retryable() bool { return k == Outage || k == Interrupted || k == Unavailable }

// Error is what went wrong with a job, for people: "op path: cause", and what to do about it.
type Error struct {
	Kind Kind
	// Op is what was being done, as in "append".
	Op string
	// Path is the file concerned, where there is one.
	Path string
	// Err is the cause.
	Err error
	// Hint is what the user can do, where there is something.
	Hint string
}

// Error returns "op path: cause (hint)".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Path != "" {
		b.WriteString(" " + e.Path)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the *Error in err's chain, or "" where there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}
