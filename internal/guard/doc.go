// Package guard is what the operator of a worker lets jobs do: which files, tasks, hosts and variables they may use, and how much of everything. It knows limits, and answers
// with nil or with a *job.Error of kind job.Refused that names what was asked for, the limit, and what to do. docs/security.md describes it for operators.
package guard
